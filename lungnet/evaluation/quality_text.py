"""The quality of synthetic patches in words and tables, from `quality.json` alone."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from lungnet.evaluation.markdown import NOTHING, markdown_table

#: Figure -> path relative to `quality.json`.
QUALITY_FIGURES = {
    "quality_statistics": "figures/intensities_and_spectrum.png",
    "quality_pairs": "figures/nearest_pairs.png",
    "quality_training": "figures/gan_training.png",
}

#: Measure -> name, digits, whether it is the better the larger it is.
_MEASURES: Mapping[str, tuple[str, int, bool]] = {
    "kid": ("kernel distance (KID)", 4, False),
    "precision": ("precision", 3, True),
    "recall": ("recall", 3, True),
    "density": ("density", 3, True),
    "coverage": ("coverage", 3, True),
    "wasserstein_hu": ("intensities, Wasserstein (HU)", 1, False),
    "jensen_shannon_bits": ("intensities, Jensen-Shannon (bits)", 4, False),
    "log_spectral_distance_db": ("log-spectral distance (dB)", 2, False),
}
_SPACES = {"pixels": "pixels", "encoder": "encoder", "random": "random features"}
_CLASSIFIERS = {
    "encoder": "logistic regression on the encoder",
    "random": "logistic regression on random features",
    "cnn": "convolutional network",
}
_FINDINGS = {
    "copies": "**Some synthetic patches look like copies**: their nearest training nodule stands out among "
    "the others more than it does for held-out patches.",
    "nearer": "Synthetic patches lie nearer to training than held-out ones do, but no nodule stands out: "
    "they are smoother than real ones, and no sign of copies was found.",
    "none": "No sign of copies was found.",
}


def quality_markdown(quality: Mapping[str, Any], figures: Collection[str] = (), level: int = 3) -> str:
    """Returns the quality of synthetic patches as Markdown sections.

    Args:
        quality: what `quality.json` holds.
        figures: which of `QUALITY_FIGURES` there are; the others are not linked.
        level: of the headings.
    """
    mark = "#" * level
    parts = []
    for name, (title, told, figure, caption) in _SECTIONS.items():
        found = quality[name]
        parts += [f"{mark} {title}", str(found["missing"]) if "missing" in found else told(found)]
        if figure in figures:
            parts.append(f"![{caption}]({QUALITY_FIGURES[figure]})\n\n*{caption}.*")
    return "\n\n".join(parts)


def _distances(found: Mapping[str, Any]) -> str:
    body = []
    for space, measures in found["measures"].items():
        for measure, sides in measures.items():
            name, digits, larger = _MEASURES[measure]
            body.append(
                (
                    _SPACES.get(space, space),
                    name + (" ↑" if larger else " ↓"),
                    _value(sides["synthetic"], digits),
                    _value(sides["floor"], digits),
                )
            )
    least, most = found["patches"]["least"], found["patches"]["most"]
    size = f"{least}" if least == most else f"{least} to {most}"
    others = {"group": "other patients (groups)", "nodule": "other nodules"}[found["unit"]]
    return (
        f"Synthetic patches against a half of the real training positives, and real patches of {others} "
        f"against the same half, {size} patches on each side: what a perfect generator would reach. Mean ± "
        f"standard deviation over {found['halvings']} halvings; k = {found['neighbours']}; KID over "
        f"{found['kid_subsets']} subsets of {found['kid_subset_size']} patches, ± its standard error over "
        "subsets in brackets. The encoder was trained on patches of the training split, real and synthetic; "
        "random features were trained on nothing.\n\n"
        + markdown_table(("Space", "Measure", "Synthetic", "Real (floor)"), body)
    )


def _value(found: Mapping[str, float | None], digits: int) -> str:
    if found["value"] is None:
        return NOTHING
    text = f"{found['value']:.{digits}f}"
    if found.get("deviation") is not None:
        text += f" ± {found['deviation']:.{digits}f}"
    if found.get("standard_error") is not None:
        text += f" (± {found['standard_error']:.{digits}f})"
    return text


def _copies(found: Mapping[str, Any]) -> str:
    return (
        f"{_FINDINGS[found['finding']]} {found['synthetic']} synthetic patches and {found['held_out']} "
        f"held-out real ones (inner validation) were looked up among {found['training_nodules']} training "
        "nodules, in any of eight positions and moved by a few pixels. Median distance to the nearest: "
        f"{found['median_hu']:.0f} HU against {found['held_out_median_hu']:.0f} HU of held-out patches "
        f"(ratio {found['ratio_of_medians']:.2f}). Nearer than the 1st percentile of held-out patches: "
        f"{100 * found['share_nearer']:.1f} %; relative to the next nodules: "
        f"{100 * found['share_relatively_nearer']:.1f} % (1 % is expected; more than 5 % are reported where "
        "chance makes that less likely than 1 %)."
    )


def _training_value(found: Mapping[str, Any]) -> str:
    body, loses = [], []
    for name, tests in found["classifiers"].items():
        for test, one in tests.items():
            difference = one["difference"]["difference"]
            interval = (
                f"{difference['value']:+.3f} ({difference['low']:+.3f} to {difference['high']:+.3f})"
                if difference["low"] is not None
                else f"{difference['value']:+.3f}"
            )
            loses.append(difference["high"] is not None and difference["high"] < 0)
            body.append(
                (
                    _CLASSIFIERS.get(name, name),
                    f"{test} ({one['patches']})",
                    f"{one['trained_on_real']:.3f}",
                    f"{one['trained_on_synthetic']:.3f}",
                    interval,
                )
            )
    if not body:
        return "There is no test set with both classes."
    verdict = (
        "Synthetic positives teach less than as many real ones"
        if all(loses)
        else "In no comparison do synthetic positives teach surely less than as many real ones"
        if not any(loses)
        else "Synthetic positives teach surely less than as many real ones in "
        f"{sum(loses)} of {len(loses)} comparisons"
    )
    return (
        f"{verdict}. AUC on real patches of classifiers that were trained on {found['positives']:,} real "
        f"or synthetic positives and the same {found['negatives']:,} real negatives; in brackets 95 % "
        "intervals of the difference (paired bootstrap). The encoder was tuned with labels on both kinds "
        "and may favour synthetic ones.\n\n"
        + markdown_table(
            ("Classifier", "Tested on (patches)", "From real", "From synthetic", "Difference"), body
        )
    )


def _stability(found: Mapping[str, Any]) -> str:
    body = [
        (
            name,
            f"{one['first_mean']:.3f}",
            f"{one['last_mean']:.3f}",
            f"{100 * one['drift']:+.1f} %",
            f"{100 * one['scatter']:.1f} %",
            "yes" if one["settled"] else "no",
        )
        for name, one in (
            ("critic's distance", found["critic_distance"]),
            ("gradient norm", found["gradient_norm"]),
        )
    ]
    verdict = "The training came to rest" if found["stable"] else "**The training did not come to rest**"
    return (
        f"{verdict}. First and last fifth of {found['reports']} reports; drift and scatter are those of the "
        "last fifth, about a line, as shares of its mean; settled means at most 10 % of each.\n\n"
        + markdown_table(("Curve", "First fifth", "Last fifth", "Drift", "Scatter", "Settled"), body)
    )


#: Part of `quality.json` -> heading, what is said of it, figure and its caption.
_SECTIONS: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], str], str, str]] = {
    "distances": (
        "Distances, real against real beside them",
        _distances,
        "quality_statistics",
        "Intensities and power spectrum",
    ),
    "copies": (
        "Copies",
        _copies,
        "quality_pairs",
        "Synthetic patches that look most like copies, and what they are nearest to",
    ),
    "training_value": ("Trained on synthetic, tested on real", _training_value, "", ""),
    "stability": (
        "Stability of the GAN's training",
        _stability,
        "quality_training",
        "Critic's distance and gradient norm",
    ),
}
