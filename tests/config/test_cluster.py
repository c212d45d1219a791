import json

import pytest

from lungnet.config import Cluster
from lungnet.errors import InputError


def cluster(jobs, kind="worker", index=0):
    return Cluster.from_environment(
        {"TF_CONFIG": json.dumps({"cluster": jobs, "task": {"type": kind, "index": index}})}
    )


def test_worker_0_is_the_chief():
    found = [cluster({"worker": ["a:1", "b:2"]}, index=index) for index in (0, 1)]
    assert found == [Cluster(("a:1", "b:2"), 0), Cluster(("a:1", "b:2"), 1)]
    assert [one.is_chief for one in found] == [True, False]


def test_a_chief_comes_before_the_workers():
    jobs = {"chief": ["c:9"], "worker": ["a:1", "b:2"]}
    assert cluster(jobs, "chief") == Cluster(("c:9", "a:1", "b:2"), 0)
    found = cluster(jobs, "worker", "1")
    assert found.index == 2
    assert not found.is_chief


@pytest.mark.parametrize("text", [None, "", " "])
def test_it_is_not_set(text):
    environment = {} if text is None else {"TF_CONFIG": text}
    with pytest.raises(InputError, match=r"variable TF_CONFIG, and it is not set; expected \{\"cluster\""):
        Cluster.from_environment(environment)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "it is not JSON"),
        ("[]", "it has no object 'cluster'"),
        ('{"cluster": {"worker": ["a:1"]}}', "it has no object 'task'"),
        ('{"cluster": {}, "task": {"type": "worker", "index": 0}}', "its cluster names no worker"),
        ('{"cluster": {"worker": "a:1"}, "task": {}}', "must be a list of addresses"),
        ('{"cluster": {"worker": ["a"]}, "task": {}}', "'a', which is not host:port"),
        ('{"cluster": {"worker": ["a:70000"]}, "task": {}}', "'a:70000', which is not host:port"),
        ('{"cluster": {"worker": ["a:1", "a:1"]}, "task": {}}', "one address twice"),
        ('{"cluster": {"chief": ["a:1", "b:1"]}, "task": {}}', "more than one chief"),
        ('{"cluster": {"ps": ["a:1"]}, "task": {}}', "the job 'ps'; only chief and worker train"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "evaluator"}}', "the type 'evaluator'"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}', "worker 1, of which"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker"}}', "worker None, of which"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "chief", "index": 0}}', "chief 0, of which"),
    ],
)
def test_it_is_broken(text, reason):
    with pytest.raises(InputError, match=reason):
        Cluster.from_environment({"TF_CONFIG": text})
