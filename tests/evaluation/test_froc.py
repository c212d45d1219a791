"""LUNA16's FROC against numbers worked out by hand, a second way to compute it, and what must not matter."""

import itertools
import math

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from lungnet.ct import Candidate, hashed_id, read_candidates, read_series_uids
from lungnet.errors import InputError
from lungnet.evaluation import froc
from lungnet.evaluation.froc_curve import Sweep
from lungnet.evaluation.froc_marks import match_candidates
from lungnet.evaluation.froc_scans import Scans
from lungnet.hashing import stable_id

RATES = (0.125, 0.25, 0.5, 1, 2, 4, 8)


def finding(series, x, diameter=10.0, y=0.0):
    return Candidate(series, (x, y, 0.0), diameter_mm=diameter)


def mark(series, x, probability, y=0.0):
    return Candidate(series, (x, y, 0.0), probability=probability)


def interval(estimate):
    assert estimate.low is not None
    return estimate.low, estimate.high


def sensitivities(report):
    assert [point.false_positives_per_scan for point in report.operating_points] == list(RATES)
    return [point.sensitivity.value for point in report.operating_points]


# --- by hand -----------------------------------------------------------------------------------------


def test_two_scans_by_hand():
    # By falling probability: hit in a (1 of 2 found), false in a, false in b, hit in b (2 of 2).
    # Corners (false per scan, sensitivity): (0, 0) (0, .5) (.5, .5) (1, .5) (1, 1).
    marks = [mark("a", 0, 0.9), mark("a", 50, 0.8), mark("b", 50, 0.7), mark("b", 0, 0.6)]
    report = froc(marks, [finding("a", 0), finding("b", 0)], ["a", "b"], resamples=10)
    assert sensitivities(report) == [0.5, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0]
    assert report.cpm.value == pytest.approx((3 * 0.5 + 4 * 1.0) / 7)
    assert report.curve.false_positives_per_scan.tolist() == [0.0, 0.0, 1.0, 1.0]
    assert report.curve.sensitivity.tolist() == [0.0, 0.5, 0.5, 1.0]
    assert report.curve.thresholds.tolist() == [math.inf, 0.9, 0.7, 0.6]
    # 1/8 and 1/4 of 2 scans allow no false positive, 1/2 allows one, 1 and more allow both.
    assert [point.threshold for point in report.operating_points] == [0.9, 0.9, 0.8, 0.6, 0.6, 0.6, 0.6]
    assert (report.found, report.false_positives, report.candidates) == (2, 2, 4)


def test_ties_are_called_together_and_the_line_between_is_straight():
    # One scan, two nodules. At 0.5 one hit and two false are called at once: (0, 0) -> (2, .5); then at
    # 0.4 the other hit and two more false: (2, .5) -> (4, 1).
    marks = [mark("a", 0, 0.5), mark("a", 50, 0.5), mark("a", 60, 0.5)]
    marks += [mark("a", 100, 0.4), mark("a", 70, 0.4), mark("a", 80, 0.4)]
    report = froc(marks, [finding("a", 0), finding("a", 100)], ["a"], resamples=10)
    expected = [0.125 / 4, 0.25 / 4, 0.5 / 4, 1 / 4, 2 / 4, 4 / 4, 1.0]
    assert sensitivities(report) == pytest.approx(expected)
    assert report.cpm.value == pytest.approx(sum(expected) / 7)
    assert report.curve.false_positives_per_scan.tolist() == [0.0, 4.0]  # (2, .5) lies on the line
    assert report.operating_points[0].threshold is None  # not even the most probable may be called
    assert report.operating_points[4].threshold == 0.5


def test_missed_nodules_and_a_curve_that_ends_early():
    # Four scans, one nodule each, one found at 0.9; one false at 0.8: 1/4 false positive per scan at most.
    marks = [mark("a", 0, 0.9), mark("b", 50, 0.8)]
    nodules = [finding(scan, 0) for scan in "abcd"]
    report = froc(marks, nodules, list("abcd"), resamples=10)
    assert sensitivities(report) == [0.25] * 7
    assert report.found == 1


def test_a_perfect_detector_and_one_that_finds_nothing():
    nodules = [finding("a", 0), finding("b", 0)]
    perfect = froc([mark("a", 0, 0.3), mark("b", 0, 0.2)], nodules, ["a", "b"], resamples=10)
    assert perfect.cpm.value == 1.0
    blind = froc([mark("a", 50, 0.3)], nodules, ["a", "b"], resamples=10)
    assert blind.cpm.value == 0.0
    silent = froc([], nodules, ["a", "b"], resamples=10)
    assert silent.cpm.value == 0.0
    assert silent.curve.sensitivity.tolist() == [0.0]


def test_scans_without_findings_divide_the_false_positives():
    # One false candidate above the only hit: 1 per scan in one scan, 1/8 in eight.
    marks = [mark("a", 50, 0.9), mark("a", 0, 0.8)]
    alone = froc(marks, [finding("a", 0)], ["a"], resamples=10)
    assert sensitivities(alone) == [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]
    among_eight = froc(marks, [finding("a", 0)], list("abcdefgh"), resamples=10)
    assert sensitivities(among_eight) == [1.0] * 7


# --- what hits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("distance", "diameter", "hit"),
    [
        (4.999, 10.0, True),
        (5.0, 10.0, False),  # nearer than the radius, not as near
        (4.999, -1.0, True),  # not measured: 10 mm
        (5.0, -1.0, False),
        (0.0, 0.0, False),
    ],
)
def test_a_hit_lies_within_the_radius(distance, diameter, hit):
    nodules = [finding("a", 0.0, diameter)]
    for x, y in ((distance, 0.0), (0.6 * distance, -0.8 * distance)):
        report = froc([mark("a", x, 0.5, y)], nodules, ["a"], resamples=1)
        assert (report.found, report.false_positives) == ((1, 0) if hit else (0, 1))


def test_of_several_on_one_nodule_the_most_probable_counts_and_the_others_nothing():
    marks = [mark("a", 1, 0.2), mark("a", 2, 0.7), mark("a", 3, 0.4), mark("a", 50, 0.5)]
    report = froc(marks, [finding("a", 0)], ["a"], resamples=1)
    assert (report.found, report.repeated, report.false_positives) == (1, 2, 1)
    assert sensitivities(report) == [1.0] * 7  # 0.7 is above the false 0.5


def test_one_candidate_may_hit_two_nodules():
    report = froc([mark("a", 2, 0.5)], [finding("a", 0), finding("a", 4)], ["a"], resamples=1)
    assert (report.found, report.repeated, report.false_positives) == (2, 0, 0)


def test_candidates_on_excluded_findings_are_ignored_unless_they_hit_a_nodule():
    marks = [mark("a", 0, 0.9), mark("a", 100, 0.8), mark("a", 50, 0.7)]
    nodules = [finding("a", 0)]
    excluded = [finding("a", 102, -1.0), finding("a", 1.0, -1.0), finding("z", 50)]
    report = froc(marks, nodules, ["a"], excluded, resamples=1)
    assert (report.found, report.ignored, report.false_positives, report.excluded) == (1, 1, 1, 2)
    assert froc(marks, nodules, ["a"], resamples=1).false_positives == 2


def test_the_cap_keeps_what_is_more_probable_than_the_first_beyond_it():
    marks = [mark("a", 50 + k, p) for k, p in enumerate((0.9, 0.8, 0.7, 0.7, 0.1))]
    nodules = [finding("a", 0)]
    for cap, left in ((5, 5), (4, 4), (3, 2), (2, 2), (1, 1), (None, 5)):
        report = froc(marks, nodules, ["a"], max_candidates=cap, resamples=1)
        assert (report.false_positives, report.capped) == (left, 5 - left)
    hundred_and_one = [mark("a", 50, k / 200) for k in range(101)]
    assert froc(hundred_and_one, nodules, ["a"], resamples=1).capped == 1
    assert froc(hundred_and_one[1:], nodules, ["a"], resamples=1).capped == 0


def test_equal_candidates_count_each():
    report = froc([mark("a", 50, 0.5)] * 3, [finding("a", 0)], ["a"], resamples=1)
    assert report.false_positives == 3


# --- resampling --------------------------------------------------------------------------------------


def test_resamples_of_two_scans_by_hand():
    # Scan a: its nodule found without false positives. Scan b: its nodule missed.
    # Drawn are aa (sensitivity 1), ab or ba (1/2), bb (0), with probabilities 1/4, 1/2, 1/4.
    report = froc([mark("a", 0, 0.9)], [finding("a", 0), finding("b", 0)], ["a", "b"], resamples=4000)
    assert (report.cpm.low, report.cpm.value, report.cpm.high) == (0.0, 0.5, 1.0)
    assert report.band.mean == pytest.approx(np.full(49, 0.5), abs=0.02)
    assert report.cpm.undefined_resamples == 0
    narrow = froc(
        [mark("a", 0, 0.9)], [finding("a", 0), finding("b", 0)], ["a", "b"], confidence=0.4, resamples=4000
    )
    assert (narrow.cpm.low, narrow.cpm.high) == (0.5, 0.5)


def test_resamples_without_a_nodule_are_left_out_and_counted():
    # bb, a quarter of the resamples, holds no nodule.
    report = froc([mark("a", 0, 0.9)], [finding("a", 0)], ["a", "b"], resamples=4000)
    assert report.cpm.undefined_resamples == pytest.approx(1000, abs=120)
    assert (report.cpm.low, report.cpm.high) == (1.0, 1.0)


def test_one_scan_has_no_interval_and_few_have_a_warning():
    one = froc([mark("a", 0, 0.9)], [finding("a", 0)], ["a"], resamples=10)
    assert (one.cpm.low, one.cpm.high) == (None, None)
    assert "no interval" in one.interval_note
    assert "unreliable" in froc([], [finding("a", 0)], ["a", "b"], resamples=10).interval_note


def test_the_seed_settles_the_interval():
    rng = np.random.default_rng(0)
    marks, nodules, scans, _ = random_case(rng, 30)
    first, again, other = (froc(marks, nodules, scans, resamples=50, seed=seed) for seed in (1, 1, 2))
    assert first.to_json() == again.to_json()
    assert first.cpm != other.cpm
    assert first.cpm.value == other.cpm.value
    low, high = interval(first.cpm)
    assert low <= first.cpm.value <= high


def test_intervals_are_the_order_statistics_of_the_resamples():
    marks, nodules, scans, excluded = random_case(np.random.default_rng(9), 40)
    report = froc(marks, nodules, scans, excluded, resamples=1000, seed=5)
    sweep = Sweep(match_candidates(marks, nodules, excluded, Scans(scans)), len(scans))
    rng = np.random.default_rng([5, stable_id("bootstrap")])
    resampled = []
    for rows in (64,) * 15 + (40,):  # in the portions in which they are drawn
        for row in rng.integers(len(scans), size=(rows, len(scans))):
            resampled.append(sweep.sensitivity(np.bincount(row, minlength=len(scans)), np.array(RATES)))
    drawn = np.array(resampled)
    assert interval(report.cpm) == (np.sort(drawn.mean(axis=1))[25], np.sort(drawn.mean(axis=1))[975])
    for point, samples in zip(report.operating_points, drawn.T, strict=True):
        assert interval(point.sensitivity) == (np.sort(samples)[25], np.sort(samples)[975])


# --- a second way ------------------------------------------------------------------------------------


def random_case(rng, scans):
    """Candidates in clumps and with tied probabilities, some on nodules, some on excluded findings."""
    uids = [f"1.2.{k}" for k in range(scans)]
    marks: list[Candidate] = []
    nodules: list[Candidate] = []
    excluded: list[Candidate] = []
    for uid in uids:
        for group in (nodules, excluded):
            for place in rng.uniform(-60, 60, (rng.integers(0, 4), 3)):
                group.append(Candidate(uid, tuple(place), diameter_mm=float(rng.uniform(4, 30))))
                for near in rng.normal(place, 5.0, (rng.integers(0, 4), 3)):
                    marks.append(Candidate(uid, tuple(near), probability=round(float(rng.beta(3, 2)), 2)))
        for place in rng.uniform(-60, 60, (rng.integers(0, 12), 3)):
            marks.append(Candidate(uid, tuple(place), probability=round(float(rng.beta(2, 4)), 2)))
    return marks, nodules, uids, excluded


def listed(marks, nodules, excluded, uid, cap):
    """The lines of one scan as LUNA16's page describes them: (is a hit, probability, is missed)."""
    ours = [one for one in marks if one.series_uid == uid]
    if cap is not None and len(ours) > cap:
        limit = sorted((one.probability for one in ours), reverse=True)[cap]
        ours = [one for one in ours if one.probability > limit]

    def hit(one, target):
        return math.dist(one.center_xyz_lps_mm, target.center_xyz_lps_mm) < target.diameter_mm / 2

    targets = [one for one in nodules if one.series_uid == uid]
    others = [one for one in excluded if one.series_uid == uid]
    lines = []
    for target in targets:
        on_it = [one.probability for one in ours if hit(one, target)]
        lines.append((1, max(on_it), False) if on_it else (1, -1.0, True))
    for one in ours:
        if not any(hit(one, target) for target in (*targets, *others)):
            lines.append((0, one.probability, False))
    return lines


def interpolated(lines, scans):
    """Sensitivity at the seven rates by scikit-learn's ROC over the lines that are not misses."""
    kept = [(y, p) for y, p, missed in lines if not missed]
    found, false = sum(y for y, _ in kept), sum(1 - y for y, _ in kept)
    total = sum(y for y, _, _ in lines)
    x, y, _ = roc_curve(*zip(*kept, strict=True))
    return np.interp(RATES, x * false / scans, y * found / total)


@pytest.mark.parametrize("cap", [100, 6])
def test_a_second_way_gives_the_same(cap):
    rng = np.random.default_rng(cap)
    marks, nodules, scans, excluded = random_case(rng, 25)
    report = froc(marks, nodules, scans, excluded, max_candidates=cap, resamples=1)
    lines = {uid: listed(marks, nodules, excluded, uid, cap) for uid in scans}
    expected = interpolated(list(itertools.chain(*lines.values())), len(scans))
    assert sensitivities(report) == pytest.approx(expected, abs=1e-12)
    assert 0.2 < np.mean(sensitivities(report)) < 0.9  # neither trivial
    # Resamples: the lines of scans drawn several times stand there several times.
    sweep = Sweep(match_candidates(marks, nodules, excluded, Scans(scans), cap), len(scans))
    for _ in range(20):
        drawn = rng.integers(len(scans), size=len(scans))
        concatenated = [line for k in drawn for line in lines[scans[k]]]
        weights = np.bincount(drawn, minlength=len(scans))
        expected = interpolated(concatenated, len(scans))
        assert sweep.sensitivity(weights, np.array(RATES)) == pytest.approx(expected, abs=1e-12)


def test_a_long_tail_of_false_candidates_changes_nothing():
    """Only the head of the sorted candidates is looked at where that suffices, all of them where not."""
    uids = [f"1.2.{k}" for k in range(4)]
    # Scan 0 holds the 3,000 most probable false candidates; a resample without it needs the others.
    marks = [mark(uids[0], 50, 0.9 + k * 1e-6) for k in range(3000)]
    marks += [mark(uids[1], 50, 0.5 + k * 1e-6) for k in range(40)] + [mark(uids[1], 0, 0.50002)]
    nodules = [finding(uids[1], 0)]
    sweep = Sweep(match_candidates(marks, nodules, [], Scans(uids), None), 4)
    rates = np.array(RATES)
    assert sweep.sensitivity(np.array([1, 1, 1, 1]), rates).tolist() == [0.0] * 7
    # Drawn twice, scan 1 has 38 false ones above its hit: more than 8 per scan. Drawn once, 19: fewer.
    assert sweep.sensitivity(np.array([0, 2, 2, 0]), rates).tolist() == [0.0] * 7
    assert sweep.sensitivity(np.array([0, 1, 3, 0]), rates).tolist() == [0.0] * 6 + [1.0]


# --- what must not matter ----------------------------------------------------------------------------


def test_order_and_a_rigid_shift_do_not_matter():
    rng = np.random.default_rng(3)
    marks, nodules, scans, excluded = random_case(rng, 20)
    report = froc(marks, nodules, scans, excluded, resamples=20)

    def shuffled(ones):
        return [ones[k] for k in rng.permutation(len(ones))]

    def shifted(ones):
        return [
            Candidate(
                one.series_uid,
                tuple(np.add(one.center_xyz_lps_mm, (137.5, -12.25, 1024.0))),
                one.probability,
                diameter_mm=one.diameter_mm,
            )
            for one in ones
        ]

    again = froc(shuffled(marks), shuffled(nodules), scans, shuffled(excluded), resamples=20)
    assert again.to_json() == report.to_json()
    moved = froc(shifted(marks), shifted(nodules), scans, shifted(excluded), resamples=20)
    assert moved.to_json() == report.to_json()
    # The order of the scans decides which are drawn, and nothing else.
    other = froc(marks, nodules, shuffled(scans), excluded, resamples=20)
    assert sensitivities(other) == sensitivities(report)
    assert other.curve.sensitivity.tolist() == report.curve.sensitivity.tolist()


def test_only_the_order_of_probabilities_matters():
    marks, nodules, scans, excluded = random_case(np.random.default_rng(4), 20)
    logits = [
        Candidate(one.series_uid, one.center_xyz_lps_mm, 10.0 * one.probability - 20.0) for one in marks
    ]
    first, second = (froc(ones, nodules, scans, excluded, resamples=20) for ones in (marks, logits))
    assert sensitivities(first) == sensitivities(second)
    assert first.cpm == second.cpm


def test_a_series_and_its_hash_are_one():
    marks = [mark(hashed_id("series", "1.2.3"), 0, 0.9)]
    assert froc(marks, [finding("1.2.3", 0)], ["1.2.3", "1.2.4"], resamples=1).found == 1
    hashed = [hashed_id("series", "1.2.3"), hashed_id("series", "1.2.4")]
    assert froc([mark("1.2.3", 0, 0.9)], [finding("1.2.3", 0)], hashed, resamples=1).found == 1


# --- failures ----------------------------------------------------------------------------------------


def test_what_is_of_other_series_does_not_count_and_is_told():
    marks, nodules = [mark("a", 0, 0.5), mark("z", 0, 0.9)], [finding("a", 0), finding("y", 0)]
    report = froc(marks, nodules, ["a"], resamples=1)
    assert (report.candidates, report.candidates_elsewhere) == (1, 1)
    assert (report.nodules, report.nodules_elsewhere) == (1, 1)
    assert report.cpm.value == 1.0


@pytest.mark.parametrize(
    ("marks", "nodules", "series", "complaint"),
    [
        ([mark("z", 0, 0.5)], [finding("a", 0)], ["a"], "None of the 1 candidates is of the 1 series"),
        ([], [finding("z", 0)], ["a"], "None of the 1 annotations is of the 1 series"),
        ([], [finding("a", 0)], ["a", "b", "a"], "Series a is listed twice"),
        ([], [finding("a", 0)], [], "No series is listed"),
        ([mark("a", 0, None)], [finding("a", 0)], ["a"], "candidate must have a finite probability.*None"),
        ([mark("a", 0, 0.5), mark("a", 0, math.nan)], [], ["a"], "finite probability.*nan for number 2 of 2"),
        ([mark("a", 0, math.inf)], [finding("a", 0)], ["a"], "finite probability. Received: inf"),
        ([mark("a", math.nan, 0.5)], [finding("a", 0)], ["a"], "candidate must have a finite position"),
        ([], [finding("a", 0, None)], ["a"], "finding must have a finite diameter_mm. Received: None"),
        ([], [finding("a", math.inf)], ["a"], "finding must have a finite position"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(marks, nodules, series, complaint):
    with pytest.raises(InputError, match=complaint):
        froc(marks, nodules, series, resamples=1)


@pytest.mark.parametrize("wrong", [{"resamples": 0}, {"confidence": 1.0}, {"max_candidates": 0}])
def test_settings_out_of_range(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        froc([mark("a", 0, 0.5)], [finding("a", 0)], ["a"], **wrong)


# --- LUNA16 itself -----------------------------------------------------------------------------------


def test_luna16_by_a_perfect_a_jittered_and_a_displaced_detector(lungnet_data):
    nodules = read_candidates(lungnet_data / "luna16" / "annotations.csv")
    scans = read_series_uids(lungnet_data / "luna16" / "seriesuids.csv")
    assert (len(nodules), len(scans)) == (1186, 888)
    rng = np.random.default_rng(0)

    def displaced(share):
        """Each nodule marked in a random direction, at this share of its radius."""
        marks = []
        for one in nodules:
            way = rng.normal(size=3)
            way *= share * one.diameter_mm / 2 / np.linalg.norm(way)
            marks.append(Candidate(one.series_uid, tuple(one.center_xyz_lps_mm + way), 0.9))
        return marks

    perfect = froc(displaced(0.0), nodules, scans)
    assert (perfect.cpm.value, perfect.cpm.low, perfect.cpm.high) == (1.0, 1.0, 1.0)
    assert perfect.found == 1186
    # Findings of LUNA16 overlap here and there, so that a candidate just off one may lie on another.
    inside, outside = froc(displaced(0.99), nodules, scans), froc(displaced(1.01), nodules, scans)
    assert (inside.cpm.value, inside.false_positives) == (1.0, 0)
    assert outside.found < 30
    assert max(sensitivities(outside)) < 0.03
    # A false candidate in every scan, more probable than half of the hits: at one false positive per
    # scan all are found; below, the more probable half and the straight line up from there do not matter.
    hits = [
        Candidate(one.series_uid, one.center_xyz_lps_mm, 0.9 if k % 2 else 0.1)
        for k, one in enumerate(nodules)
    ]
    false = [Candidate(uid, (1e4, 0.0, 0.0), 0.5) for uid in scans]
    report = froc([*hits, *false], nodules, scans)
    assert sensitivities(report) == pytest.approx([0.5, 0.5, 0.5, 1, 1, 1, 1], abs=1e-12)
    low, high = interval(report.cpm)
    assert low < 5.5 / 7 < high


def test_as_many_scans_and_candidates_as_luna16_has():
    rng = np.random.default_rng(0)
    scans = [f"1.2.{k}" for k in range(888)]
    nodules = [finding(uid, 0.0) for uid in scans]
    places, p = rng.uniform(-150, 150, (888, 1000, 3)).tolist(), rng.random((888, 1000)).tolist()
    marks = [
        Candidate(uid, tuple(place), one)
        for uid, here, ps in zip(scans, places, p, strict=True)
        for place, one in zip(here, ps, strict=True)
    ]
    report = froc(marks, nodules, scans, max_candidates=None)
    assert report.candidates == 888_000
