"""The shapes of the platform's published tutorials, as scripts with `import ovenbird as dh`, and with no platform."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from tests.stores import Server, send_reply

pytestmark = pytest.mark.slow

_DOCS = Path(__file__).parents[3] / "docs"
_HEADER = "import json\nimport ovenbird as dh\n"


def _make_environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("DHCORE", "OVENBIRD_"))}


def run_script(folder: Path, script: str, **modules: str) -> Any:
    """Write the modules beside a script, and run it to its good end; return what its last line holds as JSON."""
    for name, text in modules.items():
        (folder / f"{name.replace('_', '-')}.py").write_text(textwrap.dedent(text))
    (folder / "tutorial.py").write_text(_HEADER + textwrap.dedent(script))
    process = subprocess.run(
        [sys.executable, "tutorial.py"],
        check=False,
        cwd=folder,
        env=_make_environ(),
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout.strip().rpartition("\n")[2])


def test_the_example_of_the_page(tmp_path: Path) -> None:
    """The program of docs/sdk.md prints what the page says."""
    example, printed = re.findall(r"```(?:python)?\n(.*?)```", (_DOCS / "sdk.md").read_text(), re.DOTALL)
    (tmp_path / "example.py").write_text(example)
    process = subprocess.run(
        [sys.executable, "example.py"], check=False, cwd=tmp_path, env=_make_environ(), capture_output=True, text=True,
        timeout=200,
    )  # fmt: skip
    assert (process.returncode, process.stdout) == (0, printed), process.stderr


def test_etl(tmp_path: Path, server: Server) -> None:
    """A table of a web address is downloaded by one function, and processed by another, from data item to data item."""
    server.answer = lambda request: send_reply(request, b"code;value\na;1\nb;2\na;3\n", Content_Type="text/csv")
    values = run_script(
        tmp_path,
        f"""
        project = dh.get_or_create_project("demo-etl")
        address = project.new_dataitem(name="url_data_item", kind="table", path="{server.url}/traffic.csv")
        download = project.new_function(
            name="download-data", kind="python", python_version="PYTHON3_10", code_src="download-data.py",
            handler="downloader",
        )
        run = download.run(action="job", inputs={{"url": address.key}}, outputs={{"dataset": "dataset"}},
                           local_execution=True)
        dataset = project.get_dataitem("dataset")
        process = project.new_function(
            name="process-spire", kind="python", python_version="PYTHON3_10", code_src="process-data.py",
            handler="process",
        )
        second = process.run(action="job", inputs={{"di": dataset.key}}, wait=True)
        table = dh.get_dataitem("dataset-sums", project="demo-etl")
        print(json.dumps([run.status.state, second.status.state, dataset.as_df().shape, dataset.kind,
                          table.as_df().to_dict(orient="list"), second.output("dataset-sums").key == table.key]))
        """,
        download_data="""
        from digitalhub_runtime_python import handler

        @handler(outputs=["dataset"])
        def downloader(url):
            return url.as_df(file_format="csv", sep=";")
        """,
        process_data="""
        from digitalhub_runtime_python import handler

        @handler(outputs=["dataset-sums"])
        def process(project, di):
            return di.as_df().groupby("code", as_index=False).sum()
        """,
    )
    sums = {"code": ["a", "b"], "value": [4, 2]}
    assert values == ["COMPLETED", "COMPLETED", [3, 2], "table", sums, True]


_TRAIN = """
    import json, pickle
    from pathlib import Path
    from digitalhub_runtime_python import handler
    from sklearn.linear_model import LogisticRegression

    @handler(outputs=["model"])
    def train(project, di):
        frame = di.as_df()
        classifier = LogisticRegression().fit(frame[["width"]], frame["label"])
        Path("model").mkdir(exist_ok=True)
        Path("model/classifier.pkl").write_bytes(pickle.dumps(classifier))
        model = project.log_model(name="classifier", kind="sklearn", source="./model/", framework="sklearn")
        model.log_metrics({"accuracy": float(classifier.score(frame[["width"]], frame["label"]))})
        return model
    """


def test_machine_learning_and_its_service(tmp_path: Path) -> None:
    """A scikit-learn model is trained and logged with its metrics; a service loads it in its init, and is invoked."""
    values = run_script(
        tmp_path,
        """
        import pandas
        project = dh.get_or_create_project("demo-ml")
        frame = pandas.DataFrame({"width": [1.0, 2.0, 8.0, 9.0], "label": [0, 0, 1, 1]})
        di = project.log_dataitem(name="measurements", kind="table", data=frame)
        train = project.new_function(
            name="train", kind="python", python_version="PYTHON3_10", code_src="train-model.py", handler="train",
            requirements=["scikit-learn"],
        )
        run = train.run("job", inputs={"di": di.key}, resources={"mem": "2Gi"})
        run.wait()
        model = project.get_model("classifier")
        serve = dh.new_function(
            project="demo-ml", name="serve-model", kind="python", python_version="PYTHON3_10",
            code_src="serve-model.py", handler="serve", init_function="init",
        )
        service = serve.run("serve", init_parameters={"model_name": "classifier"}, wait=True)
        answer = service.invoke(method="POST", json={"widths": [1.5, 8.5]})
        address = service.status.service["url"]
        again = service.invoke(url=f"http://{address}/predict", json={"widths": [9]})
        service.stop()
        print(json.dumps([run.status.state, model.kind, model.key == run.outputs()["model"].key, model.metrics,
                          answer.status_code, answer.json(), again.json()]))
        """,
        train_model=_TRAIN,
        serve_model="""
        import pickle
        from pathlib import Path

        def init(context, model_name):
            model = context.project.get_model(model_name)
            path = Path(model.download(overwrite=True)) / "classifier.pkl"
            setattr(context, "model", pickle.loads(path.read_bytes()))

        def serve(context, event):
            widths = event.body["widths"]
            context.logger.info(f"{len(widths)} widths")
            return {"labels": [int(label) for label in context.model.predict([[width] for width in widths])]}
        """,
    )
    assert values == ["COMPLETED", "sklearn", True, {"accuracy": 1.0}, 200, {"labels": [0, 1]}, {"labels": [1]}]


def test_deep_learning(tmp_path: Path) -> None:
    """A loop logs a metric in each epoch, to its run and to its model: the series are there while and after it runs."""
    values = run_script(
        tmp_path,
        """
        project = dh.get_or_create_project("demo-dl")
        train = project.new_function(
            name="train-network", kind="python", python_version="PYTHON3_12", code_src="train-network.py",
            handler="train_network",
        )
        run = train.run(action="job", parameters={"epochs": 4, "rate": 0.1}, local_execution=True)
        model = project.get_model("network")
        seen = dh.get_run(run.key)
        print(json.dumps([seen.status.metrics, model.metrics, seen.result("epochs"), seen.output("message"),
                          [run.key for run in train.list_runs(state="COMPLETED")] == [run.key],
                          seen.spec.parameters]))
        """,
        train_network="""
        import numpy
        from digitalhub_runtime_python import handler

        @handler(outputs=["model", "epochs", "message"])
        def train_network(project, run, epochs: int, rate: float):
            inputs, weight = numpy.array([1.0, 2.0]), 0.0
            losses = []
            for epoch in range(epochs):
                error = weight * inputs - 2.0 * inputs
                loss = (error ** 2).mean()
                run.log_metric("loss", loss)
                run.log_metric("epoch", epoch, single_value=True)
                losses.append(float(loss))
                weight -= rate * 2 * (error * inputs).mean()
            numpy.save("weights.npy", numpy.array([weight]))
            model = project.log_model("network", kind="model", source="weights.npy", framework="numpy")
            for loss in losses:
                model.log_metric("loss", loss)
            return model, epochs, "trained"
        """,
    )
    metrics, of_model, *rest = values
    assert metrics["loss"] == of_model["loss"] == pytest.approx([10.0, 2.5, 0.625, 0.15625])
    assert metrics["epoch"] == 3
    assert rest == [4, "trained", True, {"epochs": 4, "rate": 0.1}]


def test_validation(tmp_path: Path) -> None:
    """A data item is checked: the report is an artifact, the verdict a result; a run that refuses it is an ERROR."""
    values = run_script(
        tmp_path,
        """
        from pathlib import Path
        Path("people.csv").write_text("name,age\\nAnn,31\\nBob,\\n")
        project = dh.get_or_create_project("demo-validation")
        di = dh.log_dataitem("demo-validation", name="people", kind="table", source="people.csv")
        validate = project.new_function("validate", kind="python", code_src="validate-data.py", handler="validate",
                                        python_version="PYTHON3_11")
        run = validate.run("job", inputs={"di": di.key}, local_execution=True)
        report = json.loads(Path(run.output("report").as_file()).read_text())
        strict = validate.run("job", inputs={"di": di.key}, parameters={"strict": True}, wait=True)
        raised = ""
        try:
            validate.run("job", inputs={"di": di.key}, parameters={"strict": True}, local_execution=True)
        except Exception as error:
            raised = type(error).__name__
        print(json.dumps([run.result("valid"), report, strict.status.state, strict.status.error["type"], raised,
                          "age is empty" in str(strict.logs()[0])]))
        """,
        validate_data="""
        from digitalhub_runtime_python import handler

        @handler(outputs=["report", "valid"])
        def validate(project, di, strict=False):
            frame = di.as_df()
            problems = [f"{name} is empty" for name in frame.columns if frame[name].isna().any()]
            if strict and problems:
                raise ValueError(", ".join(problems))
            return {"problems": problems, "rows": [{"row": index} for index in range(len(frame))]}, not problems
        """,
    )
    verdict, report, *others = values
    assert (verdict, report) == (False, {"problems": ["age is empty"], "rows": [{"row": 0}, {"row": 1}]})
    assert others == ["ERROR", "ValueError", "RunFailedError", True]
