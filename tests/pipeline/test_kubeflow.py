"""A pipeline of numbers, compiled and run by `kfp.local`."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lungnet.errors import InputError
from lungnet.pipeline import Pipeline
from lungnet.pipeline.digests import Digests
from lungnet.pipeline.kubeflow import compile_kubeflow


@pytest.fixture
def number(tmp_path: Path) -> Path:
    """Data outside the pipeline."""
    path = tmp_path / "outside.txt"
    path.write_text("3")
    return path


def compile_numbers(kubeflow: Any, out: Path, start: int, number: Path, **cluster: Any) -> Any:
    code = "import sys, number_pipeline; number_pipeline.main(*sys.argv[1:])"
    return kubeflow("-c", code, out, start, number, json.dumps(cluster))


@pytest.fixture
def compiled(kubeflow: Any, tmp_path: Path, number: Path) -> dict[str, Any]:
    """The specification of 4 and what was read."""
    out = tmp_path / "pipeline.yaml"
    made = compile_numbers(kubeflow, out, 4, number, image="registry.example/lungnet:1")
    assert (made.returncode, made.stderr) == (0, "")
    (specification,) = kubeflow.documents(out)
    return specification


def tasks(specification: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = specification["root"]["dag"]["tasks"]
    return found


def result(root: Path, task: str) -> str:
    (folder,) = root.glob(f"numbers-*/{task}/number")
    return (folder / "number.txt").read_text()


def test_every_component_is_a_container(compiled: dict[str, Any]):
    executors = compiled["deploymentSpec"]["executors"]
    assert set(executors) == {f"exec-{name}" for name in ("read", "guard", "start-one", "add", "last")}
    for executor in executors.values():
        container = executor["container"]
        assert container["image"] == "registry.example/lungnet:1"
        assert container["command"] == ["python", "-m", "lungnet.pipeline.kubeflow_step"]
        assert container["args"][2:4] == ["--executor_input", "{{$}}"]
    step = json.loads(executors["exec-start-one"]["container"]["args"][1])
    assert (step["component_id"], step["seed"]) == ("Start.one", 10)


def test_channels_and_order_are_those_of_the_pipeline(compiled: dict[str, Any]):
    add = tasks(compiled)["add"]
    assert {
        name: one["taskOutputArtifact"]["producerTask"] for name, one in add["inputs"]["artifacts"].items()
    } == {"numbers_1": "read", "numbers_2": "start-one"}
    # Nobody takes anything from the guard: those after it wait for it.
    waits = {name: task.get("dependentTasks", []) for name, task in tasks(compiled).items()}
    assert waits == {
        "read": [],
        "guard": [],
        "start-one": ["guard"],
        "add": ["read", "start-one"],
        "last": ["add"],
    }


def test_data_outside_are_parameters_that_every_step_behind_them_has(compiled: dict[str, Any], number: Path):
    with Digests() as digests:
        version = digests.of(number)
    given = compiled["root"]["inputDefinitions"]["parameters"]
    assert {name: one["defaultValue"] for name, one in given.items()} == {
        "path": str(number),
        "data_version": version,
    }
    parameters = {name: set(task["inputs"].get("parameters", {})) for name, task in tasks(compiled).items()}
    assert parameters == {
        "read": {"path", "data_version"},
        "guard": {"start", "seed"},
        "start-one": {"start", "seed"},
        "add": {"path", "data_version"},
        "last": {"path", "data_version"},
    }
    assert tasks(compiled)["guard"]["inputs"]["parameters"]["start"] == {"runtimeValue": {"constant": "4"}}


def test_equal_pipelines_are_equal_bytes(
    kubeflow: Any, compiled: dict[str, Any], tmp_path: Path, number: Path
):
    again = tmp_path / "again.yaml"
    compile_numbers(kubeflow, again, 4, number, image="registry.example/lungnet:1")
    assert again.read_bytes() == (tmp_path / "pipeline.yaml").read_bytes()


def test_a_cluster_has_volumes_and_settings(kubeflow: Any, tmp_path: Path):
    out = tmp_path / "pipeline.yaml"
    there = Path("/mnt/somewhere/outside.txt")
    refused = compile_numbers(kubeflow, out, 4, there)
    assert "/mnt/somewhere/outside.txt does not exist" in refused.stderr
    assert not out.exists()
    made = compile_numbers(
        kubeflow,
        out,
        4,
        there,
        data_version="monday",
        name="numbers",
        volumes={"claim": "/mnt"},
        state="/mnt/state",
        runtime={"workers": 8, "unknown": 1},
        secrets={"KEY": "vault"},
    )
    assert made.returncode == 0
    specification, platform = kubeflow.documents(out)
    assert specification["pipelineInfo"]["name"] == "numbers"
    given = specification["root"]["inputDefinitions"]["parameters"]
    assert given["data_version"]["defaultValue"] == "monday"
    mounts = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    (secret,) = mounts["exec-read"]["secretAsEnv"]
    assert secret["secretName"] == "vault"
    assert secret["keyToEnv"] == [{"secretKey": "KEY", "envVar": "KEY"}]
    for name, executor in specification["deploymentSpec"]["executors"].items():
        (mount,) = mounts[name]["pvcMount"]
        assert (mount["constant"], mount["mountPath"]) == ("claim", "/mnt")
        # Only what reads data outside the pipeline sees the secret.
        assert ("secretAsEnv" in mounts[name]) == (name == "exec-read")
        environment = {one["name"]: one["value"] for one in executor["container"]["env"]}
        known = {"LUNGNET_RUNTIME": '{"workers":8}'} if name in ("exec-guard", "exec-start-one") else {}
        assert environment == {"LUNGNET_STATE": "/mnt/state", **known}


def test_it_runs_to_the_end_and_its_cache_looks_at_what_matters(kubeflow: Any, tmp_path: Path, number: Path):
    """The cluster's cache knows nothing of what is in files; versions and digests are in front of it."""
    out, root = tmp_path / "pipeline.yaml", tmp_path / "root"

    def run(start: int, *parameters: str) -> set[str]:
        """Runs it and returns the tasks that were not taken from the cache."""
        compile_numbers(kubeflow, out, start, number, name="numbers", data_version="1")
        before = set(root.glob("numbers-*"))
        ran = kubeflow.run(out, root, *parameters)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        made = set(root.glob("numbers-*")) - before
        return {task.name for folder in made for task in folder.iterdir()}

    everything = {"read", "guard", "start-one", "add", "last"}
    assert run(4) == everything
    assert result(root, "last") == str(3 + (4 + 10) + 1 + 1)
    assert run(4) == set()
    assert run(5) == everything - {"read"}
    assert run(4) == set()
    number.write_text("30")
    assert run(4, "data_version=2") == {"read", "add", "last"}
    (last,) = (path for path in root.glob("numbers-*/last/number/number.txt") if path.read_text() == "46")
    assert last.is_file()


def test_a_guard_that_fails_keeps_the_rest_from_running(kubeflow: Any, tmp_path: Path, number: Path):
    out, root = tmp_path / "pipeline.yaml", tmp_path / "root"
    compile_numbers(kubeflow, out, -4, number, name="numbers")
    ran = kubeflow.run(out, root)
    assert ran.returncode != 0
    assert "RuntimeError: broken" in ran.stdout
    assert "'guard'" in ran.stderr
    assert [path.name for path in root.rglob("number.txt") if path.parents[1].name != "read"] == []


def test_without_kfp_there_is_the_pip_line(
    steps: SimpleNamespace, pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "kfp", None)
    with pytest.raises(InputError, match=r"kfp is missing\): pip install 'lungnet\[kubeflow\]'"):
        compile_kubeflow(pipeline, tmp_path / "pipeline.yaml")


def test_a_name_that_kfp_does_not_take(pipeline: Pipeline, tmp_path: Path):
    with pytest.raises(InputError, match=r"pipeline\.json: expected a name that ends in \.yaml"):
        compile_kubeflow(pipeline, tmp_path / "pipeline.json")
