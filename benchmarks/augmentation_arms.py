"""What is compared: ways to make more of few positives, all in front of the same network."""

from dataclasses import dataclass, replace

from lungnet.config import BaselineConfig, PatchRules


@dataclass(frozen=True)
class Arm:
    """One way to augment.

    Attributes:
        title: for tables.
        translations: patches are translated anew at each repetition (section 6), and shifted in each
            batch as the configuration has it; without, they are repeated as they are.
        flips: random right-angle turns and mirrorings.
        synthetic: patches of the GAN per real positive of the balanced training split.
        cut_mix: share of the patches of a batch that are mixed with another.
        positive_share: of the training positives that are there to learn from, the GAN included.
    """

    title: str
    translations: bool = True
    flips: bool = False
    synthetic: float = 0.0
    cut_mix: float = 0.0
    positive_share: float = 1.0

    def rules(self, rules: PatchRules) -> PatchRules:
        """Returns how patches are taken: as many negatives as the synthetic positives will need."""
        return rules.model_copy(
            update={
                "max_offset_px": rules.max_offset_px if self.translations else 0,
                "negative_surplus": self.synthetic,
            }
        )

    def baselines(self, baselines: BaselineConfig) -> BaselineConfig:
        """Returns how the network is trained."""
        shift = baselines.cnn_shift if self.translations else 0
        update = {"cnn_flips": self.flips, "cnn_cut_mix": self.cut_mix, "cnn_shift": shift}
        return baselines.model_copy(update=update)

    def with_share(self, share: float) -> "Arm":
        """Returns the same with a share of the positives."""
        return replace(self, positive_share=share)


#: The ablation. But for "none", all translate: it is what the paper does before its GAN.
ARMS = {
    "none": Arm("none: positives repeated as they are", translations=False),
    "translations": Arm("translations (the paper's)"),
    "flips": Arm("translations, flips and rotations", flips=True),
    "gan_50": Arm("translations, GAN 50 % (the paper's)", synthetic=0.5),
    "gan_100": Arm("translations, GAN 100 %", synthetic=1.0),
    "gan_flips": Arm("translations, flips and rotations, GAN 50 %", flips=True, synthetic=0.5),
    "cut_mix": Arm("translations, CutMix", cut_mix=0.5),
}

#: Shares of the positives in the learning curves, and the arms that they are drawn for.
SHARES = (0.1, 0.25, 0.5, 1.0)
CURVES = ("translations", "gan_50")

#: What the GAN adds: with it, without it. The first one is what the verdict is about.
GAN_CONTRASTS = (("gan_50", "translations"), ("gan_100", "translations"), ("gan_flips", "flips"))
#: What all arms are compared with.
REFERENCES = ("translations", "none")
