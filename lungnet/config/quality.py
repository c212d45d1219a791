"""Settings of how synthetic patches are judged."""

from lungnet.config.section import Count, CountOrNone, Section


class QualityConfig(Section):
    """How the generator's patches are judged; nothing else depends on it.

    Attributes:
        halvings: times that the real training positives are cut in two disjoint halves, patient by patient
            (group by group), of which one is the reference and the other the floor.
        patches_per_nodule: training patches of a nodule that a half takes, at most; more resemble each other.
        max_patches: of a half, at most.
        neighbours: k of precision, recall, density and coverage, and of the relative distance that tells
            copies.
        kid_subset_size, kid_subsets: patches of each subset behind the kernel distance, and how many subsets
            a halving has; small samples make the subsets smaller, half a sample at most.
        copy_patches: synthetic patches that are looked up among those of training, at most.
        copy_shift_px: translations up to which a patch still counts as a copy, in rows and columns.
        classifier_patches: positives, and as many negatives, that the classifiers train on which are to show
            what synthetic positives teach, at most.
        cnn_steps: updates of the convolutional one of these classifiers; 0 leaves it out.
    """

    halvings: Count = 5
    patches_per_nodule: Count = 1
    max_patches: Count = 1000
    neighbours: Count = 5
    kid_subset_size: Count = 100
    kid_subsets: Count = 100
    copy_patches: Count = 500
    copy_shift_px: CountOrNone = 3
    classifier_patches: Count = 5000
    cnn_steps: CountOrNone = 1000
