"""Items of two reporting checklists, in our own words, and what a run can answer of each.

CLAIM: Tejani AS, Klontzas ME, Gatti AA, et al. Checklist for Artificial Intelligence in Medical Imaging
(CLAIM): 2024 Update. Radiology: Artificial Intelligence 6:e240300, 2024. TRIPOD+AI: Collins GS, Moons KGM,
Dhiman P, et al. TRIPOD+AI statement. BMJ 385:e078378, 2024. What an item asks for in full has to be read
there.
"""

from typing import NamedTuple

from lungnet.evaluation import checklist_answers as run
from lungnet.evaluation import checklist_results as results
from lungnet.evaluation.checklist_answers import Answer


class Item(NamedTuple):
    """An item of a checklist.

    Attributes:
        number: as the checklist has it.
        section: of a paper.
        asks: what for, in short.
        answer: from `metrics.json`; None where only the researcher can.
    """

    number: str
    section: str
    asks: str
    answer: Answer | None = None


CLAIM = (
    Item("1", "Title", "The title says that it is about AI, and of which kind", run.technology),
    Item("2", "Abstract", "Structured summary"),
    Item("3", "Introduction", "Background, and the role that the method is meant to have"),
    Item("4", "Introduction", "Aims and hypotheses"),
    Item("5", "Study design", "Data collected beforehand or for the study"),
    Item("6", "Study design", "What the study is to achieve", run.goal),
    Item("7", "Data", "Where the data come from", run.data_source),
    Item("8", "Data", "Who was included and left out, and where and when", run.eligibility),
    Item("9", "Data", "What was done to images before the model", run.preprocessing),
    Item("10", "Data", "Which parts of images were used", run.preprocessing),
    Item("11", "Data", "How identities were removed", run.deidentification),
    Item("12", "Data", "What was done about missing data", run.missing),
    Item("13", "Data", "How the images were acquired"),
    Item("14", "Reference standard", "What counts as the truth", run.reference),
    Item("15", "Reference standard", "Why this truth"),
    Item("16", "Reference standard", "Who gave it, and how qualified they were"),
    Item("17", "Reference standard", "How the test set was annotated"),
    Item("18", "Reference standard", "How far annotators agree with each other and themselves"),
    Item("19", "Partitions", "How cases were assigned to them", run.partitions),
    Item("20", "Partitions", "What no two partitions share", run.disjoint),
    Item("21", "Testing", "How large the test set was meant to be", run.sample_size),
    Item("22", "Model", "Inputs, outputs, layers", run.model),
    Item("23", "Model", "Software with versions", run.software),
    Item("24", "Model", "How weights begin", run.initialisation),
    Item("25", "Training", "Augmentation, hyperparameters, number of models", run.training),
    Item("26", "Training", "How the final model was chosen", run.selection),
    Item("27", "Training", "Ensembles", lambda _: "None: one model judges."),
    Item("28", "Evaluation", "Measures of performance", results.measures),
    Item("29", "Evaluation", "Significance and uncertainty", results.uncertainty),
    Item("30", "Evaluation", "Robustness and sensitivity", results.robustness),
    Item("31", "Evaluation", "How answers are explained", results.explanation),
    Item("32", "Evaluation", "Test on data of the same source", results.internal),
    Item("33", "Evaluation", "Test on data from elsewhere", lambda _: "Not done by this run."),
    Item("34", "Evaluation", "Registration, if it is a clinical trial"),
    Item("35", "Results", "Numbers of patients or examinations in and out", run.eligibility),
    Item("36", "Results", "Who they are, in each partition"),
    Item("37", "Results", "Performance with uncertainty, on all partitions reported", results.performance),
    Item("38", "Results", "Diagnostic performance with its precision", results.performance),
    Item("39", "Results", "What it got wrong", results.failures),
    Item("40", "Discussion", "Limits", results.limits),
    Item("41", "Discussion", "What follows for practice"),
    Item("42", "Other", "Protocol, or further technical detail"),
    Item("43", "Other", "Where software, model and data can be had", run.availability),
    Item("44", "Other", "Who paid, and what part they took"),
)

TRIPOD_AI = (
    Item("1", "Title", "Developing or evaluating a prediction, of what in whom", run.goal),
    Item("2", "Abstract", "Structured summary as its own list asks"),
    Item("3a", "Introduction", "The clinical question, and what models there are"),
    Item("3b", "Introduction", "For whom, where in care, and who would use it"),
    Item("3c", "Introduction", "Known inequalities in health between groups"),
    Item("4", "Introduction", "Objectives: development, validation or both", run.goal),
    Item("5a", "Data", "Where they come from, and how far they stand for the target", run.data_source),
    Item("5b", "Data", "From when to when they were collected"),
    Item("6a", "Participants", "Setting, number and place of centres"),
    Item("6b", "Participants", "Who was eligible", run.eligibility),
    Item("6c", "Participants", "Treatments, if they matter"),
    Item("7", "Data preparation", "Preparation and checks, alike for all groups", run.preprocessing),
    Item("8a", "Outcome", "What is predicted, how and when it was determined", run.reference),
    Item("8b", "Outcome", "Who assessed it, if that takes judgement"),
    Item("8c", "Outcome", "What assessors did not know"),
    Item("9a", "Predictors", "How they were chosen", lambda _: "Pixels of the patch alone."),
    Item("9b", "Predictors", "What they are, and how and when measured", run.preprocessing),
    Item("9c", "Predictors", "Who assessed them", lambda _: "Nobody: they are pixels."),
    Item("10", "Sample size", "How it was arrived at", run.sample_size),
    Item("11", "Missing data", "What was done about them", run.missing),
    Item("12a", "Analysis", "How data were used for development and evaluation", run.partitions),
    Item("12b", "Analysis", "How predictors enter", run.preprocessing),
    Item("12c", "Analysis", "Kind of model, how it was built and checked within", run.training),
    Item("12d", "Analysis", "Differences between centres or other clusters", results.robustness),
    Item("12e", "Analysis", "Measures and plots of performance", results.measures),
    Item(
        "12f", "Analysis", "Updating after evaluation", lambda _: "None: what was trained is what was judged."
    ),
    Item("12g", "Analysis", "How predictions were computed in the evaluation", run.model),
    Item("13", "Class imbalance", "What was done about it, and calibration after", run.imbalance),
    Item("14", "Fairness", "What was done for it, and why", results.robustness),
    Item("15", "Output", "What the model gives, and from where on it says yes", run.output),
    Item("16", "Development against evaluation", "How their data differ", results.internal),
    Item("17", "Ethics", "Which committee approved, or why none had to"),
    Item("18a", "Open science", "Funding"),
    Item("18b", "Open science", "Conflicts of interest"),
    Item("18c", "Open science", "Protocol"),
    Item("18d", "Open science", "Registration"),
    Item("18e", "Open science", "Data", run.data_source),
    Item("18f", "Open science", "Code", run.software),
    Item("19", "Patients and public", "What part they took"),
    Item("20a", "Results: participants", "Their flow, with and without the outcome", run.eligibility),
    Item("20b", "Results: participants", "Who they are, by centre, with what is missing"),
    Item("20c", "Results: participants", "Evaluation beside development", results.events),
    Item("21", "Results: development", "Participants and outcomes in each analysis", results.events),
    Item("22", "Results: specification", "The model in full, so that others can use it", run.specification),
    Item("23a", "Results: performance", "With intervals, and in subgroups", results.performance),
    Item("23b", "Results: performance", "Differences between clusters", results.robustness),
    Item("24", "Results: updating", "What updating gave", lambda _: "Nothing was updated."),
    Item("25", "Discussion", "What the results mean, fairness included"),
    Item("26", "Discussion", "Limits, and what they do to the results", results.limits),
    Item("27a", "Usability", "What to do with poor or missing input"),
    Item("27b", "Usability", "What users have to do and to know"),
    Item("27c", "Usability", "What should be studied next"),
)
