"""Which model is the last blessed one, by hand: executions are stored, nothing runs."""

from pathlib import Path

import pytest

from lungnet.pipeline import Artifact, Classifier, LatestBlessedModelResolver, look_at, work_on
from lungnet.pipeline.component import Channel
from lungnet.pipeline.metadata_records import NewArtifact
from lungnet.pipeline.session import Session

CHANNEL = Channel("CalmTrainer", "classifier", Classifier)


class Story:
    """Makes and judges models in a root."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def store(
        self, name: str, inputs: dict[str, list[int]], kind: str, digest: str, **properties
    ) -> Artifact:
        store, contexts = self.session.store, self.session.contexts
        execution = store.begin(name, name, digest, {}, inputs, contexts)
        uri = f"{name}/out/{execution}"
        (self.session.layout.root / uri).mkdir(parents=True)
        made = store.complete(execution, {"out": NewArtifact(kind, uri, digest, properties)}, contexts)
        return self.session.artifact(Artifact, made["out"])

    def model(self, digest: str, examples: str = "e1") -> Artifact:
        origin = self.store("ExampleGen", {}, "Examples", examples)
        augmented = self.store("Augmenter", {"examples": [origin.id]}, "Examples", f"augmented {digest}")
        return self.store("CalmTrainer", {"features": [augmented.id]}, "Classifier", digest)

    def judge(self, model: Artifact, blessed: int) -> None:
        self.store("Evaluator", {"classifiers": [model.id]}, "ModelBlessing", "b", blessed=blessed)

    def found(self, candidate: Artifact) -> str:
        resolved = LatestBlessedModelResolver(CHANNEL).resolve(self.session, candidate)
        return resolved["model"].digest if resolved else "nothing"


@pytest.fixture
def story(root: Path):
    with work_on(root) as session:
        yield Story(session)


def test_without_a_blessing_there_is_nothing(story: Story):
    first = story.model("m1")
    story.judge(first, blessed=0)
    assert story.found(story.model("m2")) == "nothing"


def test_the_last_blessed_one_before_the_candidate_is_found(story: Story):
    first, second, third = story.model("m1"), story.model("m2"), story.model("m3")
    story.judge(first, blessed=1)
    story.judge(second, blessed=1)
    story.judge(third, blessed=0)
    assert story.found(story.model("m4")) == "m2"


def test_a_candidate_is_not_compared_with_itself(story: Story):
    first = story.model("m1")
    story.judge(first, blessed=1)
    assert story.found(first) == "nothing"
    assert story.found(story.model("m1")) == "nothing"  # made twice, the same content


def test_the_answer_for_a_model_does_not_change_with_later_ones(story: Story):
    first, second = story.model("m1"), story.model("m2")
    story.judge(first, blessed=1)
    story.judge(second, blessed=1)
    third = story.model("m3")
    story.judge(third, blessed=1)
    assert [story.found(one) for one in (first, second, third)] == ["nothing", "m1", "m2"]


def test_a_model_that_learnt_from_other_examples_is_no_rival(story: Story):
    story.judge(story.model("m1", examples="e1"), blessed=1)
    story.judge(story.model("m2", examples="e2"), blessed=1)
    assert story.found(story.model("m3", examples="e1")) == "m1"
    assert story.found(story.model("m4", examples="e3")) == "nothing"


def test_a_model_whose_files_are_gone_is_passed_over(story: Story, root: Path):
    first, second = story.model("m1"), story.model("m2")
    story.judge(first, blessed=1)
    story.judge(second, blessed=1)
    second.uri.rmdir()
    assert story.found(story.model("m3")) == "m1"


def test_looking_resolves_too(story: Story, root: Path):
    first = story.model("m1")
    story.judge(first, blessed=1)
    second = story.model("m2")
    with look_at(root) as session:
        assert LatestBlessedModelResolver(CHANNEL).resolve(session, second)["model"].id == first.id
