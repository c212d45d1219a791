"""Settings of everything that trains."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lungnet.config.section import Count, CountOrNone, Fraction, NonNegative, Positive, Row, Section


class GanConfig(Section):
    """WGAN with gradient penalty (section 4).

    Attributes:
        latent_dim: length of z.
        generator_steps: updates of the generator.
        critic_steps: updates of the critic before each of them.
        batch_size: patches a critic update sees.
        gradient_penalty_weight: lambda.
        learning_rate, beta_1, beta_2: Adam, for both networks.
        width: channels of the largest feature map; deeper ones have 2 and 4 times as many.
        ema_decay: decay of the averaged generator that is kept; 0 keeps the last one.
        xla: whether XLA compiles the training step, which then draws other noise from the same seed. It is
            slower on the CPUs tried, and meant for GPUs.
    """

    latent_dim: Count = 128
    generator_steps: Count = 10_000
    critic_steps: Count = 5
    batch_size: Count = 64
    gradient_penalty_weight: NonNegative = 10.0
    learning_rate: Positive = 1e-4
    beta_1: Fraction = 0.0
    beta_2: Fraction = 0.9
    width: Count = 32
    ema_decay: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    xla: bool = False


class AugmentConfig(Section):
    """Synthetic patches for training (section 6).

    Attributes:
        rate: synthetic positives per real positive of the training split.
    """

    rate: NonNegative = 0.5


class CaeConfig(Section):
    """Layer-wise convolutional autoencoder (sections 3.5 and 4, Algorithm 1).

    Attributes:
        filters, kernels: of the convolutions, each followed by ReLU and 2 x 2 max pooling.
        padding: "valid" gives 450 features of a 40 x 40 patch, "same" 1,250.
        decoder: what a layer is trained to undo: "after_pool" (convolution and pooling) or
            "before_pool" (the convolution alone, the paper to the letter).
        epochs: passes of each layer over the training patches.
        batch_size, learning_rate, momentum: of stochastic gradient descent.
        denoising: share of inputs set to zero before encoding (section 3.3), 0 for none.
        tied: the decoder's kernel is the encoder's (section 3.2).
        fine_tune_epochs: passes with labels after the greedy phase ("some data is used for
            fine-tuning"); 0 for none.
        fine_tune_on: "all" training patches, or the "real" ones alone: synthetic patches then teach
            the layers, and CALM, but do not stand for the class while labels move the encoder.
        fine_tune_learning_rate: of Adam in that phase; it falls along a cosine.
        fine_tune_weight_decay: decoupled weight decay (AdamW) in that phase; 0 for none.
        fine_tune_keep: "best" keeps the epoch of the largest AUC on validation, "last" the last one.
        fine_tune_flips: random flips and right-angle rotations in that phase.
        fine_tune_shift: pixels by which patches are shifted at random in that phase, at most.
        fine_tune_batch_norm: batch normalisation behind each convolution in that phase, which the
            convolutions take on at its end.
    """

    filters: tuple[Count, ...] = (50, 50, 50)
    kernels: tuple[Count, ...] = (5, 3, 3)
    padding: Literal["valid", "same"] = "valid"
    decoder: Literal["after_pool", "before_pool"] = "after_pool"
    epochs: Count = 150
    batch_size: Count = 100
    learning_rate: Positive = 0.01
    momentum: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.9
    denoising: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    tied: bool = False
    fine_tune_epochs: CountOrNone = 20
    fine_tune_on: Literal["all", "real"] = "all"
    fine_tune_learning_rate: Positive = 1e-3
    fine_tune_weight_decay: NonNegative = 0.0
    fine_tune_keep: Literal["best", "last"] = "best"
    fine_tune_flips: bool = False
    fine_tune_shift: Annotated[int, Field(ge=0, le=20)] = 0
    fine_tune_batch_norm: bool = False

    @model_validator(mode="after")
    def _as_many_kernels_as_filters(self) -> "CaeConfig":
        if len(self.filters) != len(self.kernels):
            raise ValueError(
                f"filters and kernels must be equally long. Received: {self.filters}, {self.kernels}"
            )
        return self


class CalmConfig(Section):
    """Clustering augmented learning method (section 5).

    Attributes:
        train_on: "all" training features, or those of "real" patches alone, for CALM and for every other row
            on features; synthetic patches then teach nothing but the encoder.
        clusters: |C|.
        hidden: neurons of FC1 and FC2.
        leaky_slope: negative slope of the leaky ReLUs.
        importance: "absolute" averages |w| over FC1's neurons, "signed" w itself (the letter).
        learning_rate, beta_1: of Adam.
        learning_rate_decay: what the rate is multiplied with after each iteration; 1 leaves it (the paper).
        l2: Keras factor; a gradient of 1e-4 w is L2(5e-5).
        weight_decay: decoupled weight decay (AdamW) beside it; 0 for none (the paper).
        dropout: share of the hidden neurons that is left out of each sample while training, the others making
            up for it; 0 for none (the paper).
        early_stopping: iterations without a lower validation loss after which training ends, whether or not
            the clustering has come to rest; of the plain network, epochs. 0 for never (the paper).
        batch_size: of the network.
        max_iterations: alternations of learning and clustering at most.
        patience: iterations with unchanged assignment after which the clustering has converged.
        trees: of the random forest that chooses the centres.
        forest_samples: samples each tree is grown on; 0 for as many as there are (the paper; many times
            slower than 1,000).
        center_rule: "forest" takes the sample of least out-of-bag error, among equal ones that of the least
            total dissimilarity to its cluster; "any_of_forest" takes any of them, for the paper breaks no
            ties; "best_of_forest" takes, of the samples that the forest knows best, the one that lowers
            objective (3) most, and keeps the centre where none does.
        center_candidates: samples of each cluster that "best_of_forest" tries.
        keep: "best" keeps the iteration of the least validation loss, "settled" the best of those that
            trained with the last assignment.
        importance_smoothing: share of the previous importance that is kept at each iteration.
        standardise: the network sees features with mean 0 and variance 1; the scale is part of the
            network, and importance counts it.
        head_seed: which of several trainings on the same features this is; each has its own weights,
            batches and forests, and so has the plain network. 0 is the one that goes by `seed` itself.
    """

    train_on: Literal["all", "real"] = "all"
    clusters: Annotated[int, Field(ge=2)] = 2
    hidden: tuple[Count, Count] = (128, 32)
    leaky_slope: NonNegative = 0.01
    importance: Literal["absolute", "signed"] = "absolute"
    learning_rate: Positive = 1e-3
    learning_rate_decay: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    beta_1: Fraction = 0.9
    l2: NonNegative = 5e-5
    weight_decay: NonNegative = 0.0
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    early_stopping: CountOrNone = 0
    batch_size: Count = 100
    max_iterations: Count = 150
    patience: Count = 10
    trees: Count = 100
    forest_samples: CountOrNone = 0
    center_rule: Literal["forest", "any_of_forest", "best_of_forest"] = "forest"
    center_candidates: Count = 20
    keep: Literal["best", "settled"] = "best"
    importance_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    standardise: bool = False
    head_seed: CountOrNone = 0


class BaselineConfig(Section):
    """The rivals of Table 1, and what brightness and size alone would do.

    Attributes:
        rows: which of them are trained.
        nn_epochs: passes of the plain network on the features.
        lr_c, svm_c: inverse regularisation of logistic regression and of the linear SVM.
        ae_units: fully connected layer of the autoencoder of reference [9].
        ae_epochs, ae_batch_size, ae_learning_rate, ae_tree_depth: its training (Adam) and the depth of the
            decision tree on top.
        cnn_steps, cnn_batch_size, cnn_learning_rate: the convolutional network's training.
        cnn_schedule: "cosine" lets the rate fall to 0 at the last step, "constant" leaves it.
        cnn_weight_decay: decoupled weight decay (AdamW); 0 for none.
        cnn_dropout: share of the hidden layer's neurons that is left out of each sample while training; 0 for
            none.
        cnn_early_stopping: reports (of twenty) without a larger AUC on validation after which training ends;
            0 for never.
        cnn_flips: random flips and right-angle rotations while it trains.
        cnn_shift, cnn_batch_norm: as the fields of `CaeConfig` in fine-tuning.
        cnn_cut_mix: share of the patches of a batch into which a rectangle of another one is pasted, with
            labels mixed by area (CutMix); 0 for none.
        cnn_cut_mix_alpha: the areas are drawn from Beta(alpha, alpha); 1 draws them uniformly.
        cnn_keep: "last" keeps the weights at the end, "best" those of the report (of twenty) with the largest
            AUC on validation, and among equals the smallest loss.
        size_level_hu: row "size" counts the pixels above it that hang together with some in the middle.
    """

    rows: tuple[Row, ...] = ("gan_cae_nn", "gan_cae_lr", "gan_cae_svm", "ae", "cnn", "brightness", "size")
    nn_epochs: Count = 150
    lr_c: Positive = 1.0
    svm_c: Positive = 1.0
    ae_units: Count = 1024
    ae_epochs: Count = 50
    ae_batch_size: Count = 100
    ae_learning_rate: Positive = 1e-3
    ae_tree_depth: Count = 8
    cnn_steps: Count = 3000
    cnn_batch_size: Count = 128
    cnn_learning_rate: Positive = 1e-3
    cnn_schedule: Literal["cosine", "constant"] = "cosine"
    cnn_weight_decay: NonNegative = 0.0
    cnn_dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    cnn_early_stopping: CountOrNone = 0
    cnn_flips: bool = False
    cnn_shift: Annotated[int, Field(ge=0, le=20)] = 0
    cnn_batch_norm: bool = False
    cnn_cut_mix: Fraction = 0.0
    cnn_cut_mix_alpha: Positive = 1.0
    cnn_keep: Literal["last", "best"] = "last"
    size_level_hu: int = -400


class CalibrationConfig(Section):
    """What turns a classifier's logit into the exported probability, fitted on validation patches.

    Attributes:
        method: "platt" (scale and shift of the logit), "temperature" (scale alone), "isotonic" (piecewise
            linear log odds through the pools of isotonic regression) or "none". The report shows what each
            would have given.
        threshold: "youden" decides where balanced accuracy on the validation patches is best, "prevalence"
            where the probability, by "platt" or "isotonic", is their share of positives: the same for a
            calibrated model, and less at the mercy of few patches.
    """

    method: Literal["platt", "temperature", "isotonic", "none"] = "platt"
    threshold: Literal["youden", "prevalence"] = "youden"

    @model_validator(mode="after")
    def _prevalence_is_in_the_probability(self) -> "CalibrationConfig":
        if self.threshold == "prevalence" and self.method not in ("platt", "isotonic"):
            raise ValueError(
                'threshold "prevalence" needs probabilities that know it: method "platt" or "isotonic". '
                f"Received: {self.method}"
            )
        return self
