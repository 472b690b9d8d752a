"""Import the user's module, and find the handler in it."""

from __future__ import annotations

import pickle
import sys

import pytest
from tests.loading import FUNCTIONS, Project

from ovenbird.errors import (
    AttributeMissingError,
    LoadError,
    ModuleFailedError,
    ModuleMissingError,
    ModuleShadowedError,
    NotCallableError,
)
from ovenbird.function.handler import Handler
from ovenbird.function.loader import refuse_shadows

BROKEN = FUNCTIONS / "broken"


def load_broken(project: Project, name: str) -> LoadError:
    with pytest.raises(LoadError) as caught:
        project.load(str(BROKEN / name))
    return caught.value


def test_a_module_has_its_real_name(project: Project) -> None:
    """The module is in sys.modules under its name, with sibling imports and postponed annotations of dataclasses."""
    loaded = project.load(str(FUNCTIONS / "typed/main.py"))
    assert sys.modules["main"] is loaded.module
    arguments = Handler(loaded).binder.from_json(b'{"lines": [{"name": "tea", "price": "1.5", "count": 2}]}')
    assert str(loaded.function(**arguments)["total"]) == "3.0"


def test_user_classes_pickle(project: Project) -> None:
    """An object of a user's class survives a round trip through pickle."""
    module = project.load(str(FUNCTIONS / "typed/main.py")).module
    order = module.Order([module.Line("tea", 1)])
    assert pickle.loads(pickle.dumps(order)) == order


def test_a_module_of_a_package_imports_its_siblings(project: Project) -> None:
    """pkg.mod below --source, with relative imports; a function, a class and a bound method of it."""
    source = str(FUNCTIONS / "package")
    assert project.load("shop.greet:fn", source).function("Ada") == "hello Ada"
    assert project.load("shop.greet:Greeter", source).is_class
    assert project.load("shop.greet:greeter.twice", source).function("Ada") == "hola Ada Ada"


def test_the_root_goes_first_on_the_path(project: Project) -> None:
    """As for `python main.py`; a root that is on the path already moves to the front."""
    sys.path.append(str(project.folder))
    project.handler("def handler(): ...")
    assert sys.path[0] == str(project.folder)
    assert sys.path.count(str(project.folder)) == 1


def test_a_module_is_imported_once(project: Project) -> None:
    """Init and handler come from one module object, which runs once."""
    project.write("count.py", "RUNS = []")
    loaded = project.handler("import count\ncount.RUNS.append(1)\ndef init(): ...\ndef handler(): ...").loaded
    assert sys.modules["count"].RUNS == [1]
    assert loaded.init is loaded.module.init


def test_init_and_close_are_the_modules_own(project: Project) -> None:
    """A function called close that was imported from elsewhere is not the user's close."""
    loaded = project.handler("from os import close\ndef init(): ...\ndef handler(): ...").loaded
    assert loaded.init is not None
    assert loaded.close is None


def test_an_object_has_the_init_and_close_of_its_module(project: Project) -> None:
    """A bound method or an object as the handler: init and close are the module's, as for a function."""
    loaded = project.handler(
        "class A:\n    def run(self): ...\na = A()\ndef init(): ...\ndef close(): ...", "a.run"
    ).loaded
    assert (loaded.init, loaded.close) == (loaded.module.init, loaded.module.close)


def test_the_documents_init_is_used(project: Project) -> None:
    """spec.source.init_function names the init, whatever it is called."""
    loaded = project.load(str(FUNCTIONS / "documents/function.yaml"))
    assert loaded.init is loaded.module.prepare


@pytest.mark.parametrize(
    ("init", "error", "words"),
    [
        ("prepaer", AttributeMissingError, "has no attribute 'prepaer'.*did you mean 'prepare'"),
        ("STEP", NotCallableError, "'STEP' is of type int, not a function"),
    ],
)
def test_a_documents_wrong_init_is_refused(project: Project, init: str, error: type[Exception], words: str) -> None:
    """An init that the module does not have, or that is no function, is named with its field."""
    project.write("main.py", "STEP = 1\ndef prepare(): ...\ndef handler(): ...")
    text = f"kind: python\nname: f\nspec:\n  source:\n    handler: handler\n    init_function: {init}\n"
    with pytest.raises(error, match=f"spec.source.init_function.*{words}"):
        project.load(str(project.write("function.yaml", text)))


@pytest.mark.parametrize("name", ["json.py", "msgspec.py", "starlette/__init__.py", "types.so"])
def test_a_file_that_hides_a_needed_module_is_refused_by_name(project: Project, name: str) -> None:
    """A user's json.py first on sys.path would break Python; msgspec.py the runtime."""
    project.write(name, "")
    word = name.split(".", maxsplit=1)[0].split("/", maxsplit=1)[0]
    with pytest.raises(ModuleShadowedError, match=f"would hide the module '{word}'.*rename it"):
        project.handler("def handler(): ...")


@pytest.mark.parametrize("name", ["test/__init__.py", "json/data.txt", "json.txt", "my_json.py", "requests.py"])
def test_other_files_are_harmless(project: Project, name: str) -> None:
    """A folder of tests, one without code, and modules that the runtime does not need are left alone."""
    project.write(name, "")
    refuse_shadows(project.folder)


def test_a_missing_module_is_reported_with_similar_names(project: Project) -> None:
    """The message names the module, where it was looked for, and what lies near."""
    project.write("handlers.py", "")
    with pytest.raises(ModuleMissingError) as caught:
        project.load("handler:fn", str(project.folder))
    assert "no module 'handler'" in caught.value.message
    assert str(project.folder) in caught.value.message
    assert caught.value.hint == "did you mean 'handlers'?"


def test_hidden_folders_are_no_modules_to_suggest(project: Project) -> None:
    """The store of records is `.ovenbird`, in the function's folder."""
    project.write("main.py", "")
    project.write(".ovenbird/run.txt", "")
    with pytest.raises(ModuleMissingError) as caught:
        project.load("elsewhere:fn", str(project.folder))
    assert caught.value.hint == "found: main"


def test_a_missing_submodule_is_a_missing_module(project: Project) -> None:
    """For pkg.mod where only pkg exists, the similar names are modules of pkg."""
    with pytest.raises(ModuleMissingError) as caught:
        project.load("shop.gret:fn", str(FUNCTIONS / "package"))
    assert caught.value.hint == "did you mean 'greet'?"


@pytest.mark.parametrize(
    ("name", "summary", "trace"),
    [
        ("syntax.py", "SyntaxError: ", "def handler(:"),
        ("exits.py", "SystemExit: 3", "raise SystemExit(3)"),
        ("nested.py", "ValueError: no such model", 'raise ValueError("no such model")'),
        ("missing.py", "ModuleNotFoundError: No module named 'not_installed_anywhere'", "import not_installed"),
    ],
)
def test_a_failing_import_shows_the_users_frames_alone(project: Project, name: str, summary: str, trace: str) -> None:
    """The module's exception is one line; the traceback has the user's code, and no frame of ours."""
    error = load_broken(project, name)
    assert isinstance(error, ModuleFailedError)
    assert summary in error.message
    assert trace in error.cause
    assert "importlib" not in error.cause
    assert "ovenbird/function" not in error.cause


def test_a_missing_package_is_hinted_at(project: Project) -> None:
    """A third-party package that is not installed: the hint asks for the requirements."""
    assert load_broken(project, "missing.py").hint == "is 'not_installed_anywhere' in the requirements, and installed?"


def test_a_relative_import_in_a_lone_file_is_hinted_at(project: Project) -> None:
    """A module of a package that is named as a file: the hint says how to name it."""
    assert "--source" in load_broken(project, "relative.py").hint


def test_a_missing_attribute_is_reported_with_similar_names(project: Project) -> None:
    """The message names the module, its file and the attribute; the hint what is near."""
    error = load_broken(project, "number.py:handel")
    assert isinstance(error, AttributeMissingError)
    assert "number.py) has no attribute 'handel'" in error.message
    assert error.hint == "did you mean 'handle'?"


@pytest.mark.parametrize(("attribute", "hint"), [
    ("main.run", "a colon stands between module and function: `main:run`"),
    ("main.rum", "found: run"),
    ("other.run", "found: run"),
])  # fmt: skip
def test_a_point_in_place_of_a_colon(project: Project, attribute: str, hint: str) -> None:
    """`main.run` as the handler of a document is looked for in the module `main`: the hint has the colon."""
    with pytest.raises(AttributeMissingError) as caught:
        project.handler("def run(): ...", attribute)
    assert caught.value.hint == hint


def test_a_module_without_functions(project: Project) -> None:
    """It says so, and does not leave the hint empty."""
    with pytest.raises(AttributeMissingError) as caught:
        project.handler("number = 1", "handler")
    assert caught.value.hint == "nothing in it can be called"


def test_a_missing_method_is_looked_for_in_its_object(project: Project) -> None:
    """obj.method: the object is named, and its methods are near, also when one of its properties raises."""
    text = "class A:\n    def run(self): ...\n    @property\n    def bad(self): raise KeyError\na = A()\n"
    with pytest.raises(AttributeMissingError, match=r"'main\.a'.*no attribute 'rum'.*did you mean 'run'"):
        project.handler(text, "a.rum")


def test_an_attribute_that_raises_is_reported(project: Project) -> None:
    """A module's __getattr__ that raises is the user's failure, with its traceback."""
    with pytest.raises(LoadError, match=r"main\.handler raised KeyError") as caught:
        project.handler(
            "def __getattr__(name):\n    if name == 'handler': raise KeyError(name)\n    raise AttributeError"
        )
    assert "raise KeyError(name)" in caught.value.cause


def test_what_cannot_be_called_is_refused(project: Project) -> None:
    """The type that was found is named, and what could be called."""
    error = load_broken(project, "number.py")
    assert isinstance(error, NotCallableError)
    assert (error.message, error.hint) == ("number:handler is of type int and cannot be called", "found: handle")


def test_a_class_without_call_is_refused(project: Project) -> None:
    """A class is a handler by its __call__."""
    with pytest.raises(NotCallableError, match="is a class without `__call__`"):
        Handler(project.load(str(FUNCTIONS / "shapes/main.py:NotCallable")))


def test_the_four_failures_have_codes_of_their_own() -> None:
    """Scripts tell them apart by code; their exit status is one."""
    kinds = (ModuleMissingError, ModuleFailedError, AttributeMissingError, NotCallableError)
    assert len({kind.code for kind in kinds}) == 4
    assert {kind.exit_code for kind in kinds} == {72}


def test_a_module_may_have_a_dash(project: Project) -> None:
    """`my-pkg.train-it:go` and `01-clean` are found from a document, a module target and a path alike."""
    project.write("my-pkg/train-it.py", "def go(): return 'went'")
    project.write("01-clean.py", "def handler(): return 'clean'")
    document = "kind: python\nname: f\nspec: {source: {handler: 'my-pkg.train-it:go'}}\n"
    project.write("function.yaml", document)
    assert project.load("function.yaml").function() == "went"
    assert project.load("my-pkg.train-it:go", str(project.folder)).function() == "went"
    assert project.load("my-pkg/train-it.py:go").function() == "went"
    assert project.load("01-clean.py").function() == "clean"
    project.write("function.yaml", document.replace("my-pkg.train-it:go", "01-clean:handler"))
    assert project.load("function.yaml").function() == "clean"
