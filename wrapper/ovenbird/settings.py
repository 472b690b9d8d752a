"""Every setting in one table: name, type, default, one line of documentation.

The table is the class `Settings`: each field is a flag (`--max-body`) and an environment variable
(`OVENBIRD_MAX_BODY`). A flag wins over the environment, the environment over the default. A value that does not
parse is an error, never the default. `docs/settings.md` is generated from this file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any

from .common.setting_values import (
    PORTS,
    boolean,
    choice,
    duration,
    host_name,
    json_object,
    methods,
    named_input,
    named_json,
    named_typed,
    named_values,
    names,
    run_name,
    second_port,
    size,
    size_or_auto,
    tag,
    whole,
    workers,
)
from .common.text import is_unicode, show_value
from .errors import SettingsError

# flags of a run that may hold bytes of another encoding, such as file names
_OF_BYTES = ("source", "param", "params", "each", "grid", "input", "output_dir", "result_file")
# variables without a flag: the target, where records are (a URL with a password), whether MLflow gets runs, facts of an
# image and of a local run, the id of the run that is recorded
_FURTHER_VARIABLES = frozenset(
    f"OVENBIRD_{name}"
    for name in "TARGET HOME STORE SPARE_HOME MLFLOW LOCAL_RUN NEW_RUN IMAGE_DIGEST PROCESS_ONE".split()
)
MAX_INPUT = 16 * 1024**3  # bytes
GRACE = 8.0  # seconds of a run: `docker stop` kills after 10


def _option(
    default: Any,
    parse: Callable[[str], Any],
    doc: str,
    *,
    verbs: str,
    metavar: str = "",
    env: str = "",
    many: bool = False,
    defaults: dict[str, Any] | None = None,
) -> Any:
    """Return a field of the table. With `many`, the flag may be repeated, and its JSON objects are merged.

    `defaults` holds what else is the default of a verb.
    """
    meta = {"parse": parse, "doc": doc, "verbs": tuple(verbs.split()), "metavar": metavar, "env": env, "many": many}
    meta["defaults"] = defaults or {}
    if isinstance(default, dict):
        return field(default_factory=dict, metadata=meta)
    return field(default=default, metadata=meta)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)  # each method of 60 fields takes 0.5 ms to make
class Settings:
    """The settings of one process, complete and parsed: durations in seconds, sizes in bytes."""

    # which function
    source: str = _option(
        "",
        str,
        "Folder that holds the code; goes first on sys.path. Default: the folder of the target.",
        verbs="serve check invoke run",
        metavar="DIR",
    )
    init: dict[str, Any] = _option(
        {},
        named_json,
        "A parameter of init; repeat for more. The value is JSON, or text where it is not.",
        verbs="serve check invoke run",
        metavar="NAME=JSON",
        env="OVENBIRD_INIT_PARAMETERS",
        many=True,
    )
    strict: bool = _option(
        False,
        boolean,
        "Refuse a function document with a field that nothing reads, and one that a build would refuse.",
        verbs="check",
        metavar="BOOL",
    )
    env_file: str = _option(
        "",
        str,
        "File of variables, NAME=VALUE in each line; a variable of the environment wins over it.",
        verbs="serve run",
        metavar="FILE",
    )
    # in a container
    container: bool = _option(
        False, boolean, "Run the function's image, by podman or docker.", verbs="serve run", metavar="BOOL"
    )
    image: str = _option(
        "",
        str,
        "With --container: the image. Default: spec.image of the function document.",
        verbs="serve run",
        metavar="REF",
    )
    engine: str = _option(
        "",
        choice("podman", "docker"),
        "With --container: what runs it. Default: podman where it is installed, else docker.",
        verbs="serve run",
        metavar="podman|docker",
    )
    env: tuple[str, ...] = _option(
        (),
        names,
        "With --container: variables of this environment that the function gets too, separated by commas.",
        verbs="serve run",
        metavar="LIST",
    )
    # a run
    param: dict[str, Any] = _option(
        {},
        named_typed,
        "A parameter of the handler; repeat for more. JSON where its hint takes that, else text.",
        verbs="run",
        metavar="NAME=JSON",
        many=True,
    )
    params: str = _option("", str, "JSON or YAML file of parameters; --param wins.", verbs="run", metavar="FILE")
    each: str = _option(
        "",
        str,
        "JSON Lines file, or - for stdin: each line is an object of parameters, which win over all others. A run for "
        "each line, or for the line --index alone.",
        verbs="run",
        metavar="FILE|-",
    )
    grid: dict[str, Any] = _option(
        {},
        named_values,
        "Values of a parameter; repeat for more parameters. A run for each combination, and for each with every line "
        "of --each.",
        verbs="run",
        metavar="NAME=VALUE,VALUE",
        many=True,
    )
    parallel: int = _option(
        1,
        workers,
        "How many runs of --each and --grid go on at once; auto takes one for each CPU of the cgroup's quota.",
        verbs="run",
        metavar="N|auto",
    )
    reuse: bool = _option(
        False,
        boolean,
        "Take the outputs of an earlier run that had the same code, packages, parameters and inputs.",
        verbs="run",
        metavar="BOOL",
    )
    index: int = _option(
        -1,
        whole(0),
        "Which line of --each, from 0; an indexed Job of Kubernetes says it.",
        verbs="run",
        metavar="N",
        env="OVENBIRD_INDEX JOB_COMPLETION_INDEX",
    )
    input: dict[str, Any] = _option(
        {},
        named_input,
        "An input of the handler: the key of an entity, a local path or a URL; repeat for more.",
        verbs="run",
        metavar="NAME=KEY|PATH|URL",
        many=True,
    )
    name: str = _option(
        "", run_name, "Name of the run, by which it is found again beside its id.", verbs="run", metavar="NAME"
    )
    tag: dict[str, Any] = _option(
        {}, tag, "A tag of the run; repeat for more.", verbs="run", metavar="KEY=VALUE", many=True
    )
    note: str = _option("", str, "What the run is for, in words.", verbs="run", metavar="TEXT")
    project: str = _option(
        "",
        str,
        "Project of the run, or of context.project. Default: PROJECT_NAME, the document's, else default.",
        verbs="serve invoke run",
        metavar="NAME",
    )
    platform: str = _option(
        "auto",
        choice("auto", "core", "postgres", "local"),
        "Where runs and entities are kept: DigitalHub Core, the database of OVENBIRD_STORE, or .ovenbird; auto is "
        "postgres where OVENBIRD_STORE is set, else core where DHCORE_ENDPOINT is.",
        verbs="serve invoke run processor",
        metavar="core|postgres|local|auto",
    )
    platform_patience: float = _option(
        60.0,
        duration,
        "How long a call of the platform is tried again while it does not answer, or is overloaded.",
        verbs="serve invoke run processor",
        metavar="DURATION",
    )
    platform_mode: str = _option(
        "native",
        choice("native", "rendered"),
        "How the processor runs what the platform has started: itself, or by the module that the platform renders.",
        verbs="processor",
        metavar="native|rendered",
    )
    output_dir: str = _option(
        "", str, "Folder that gets a copy of the outputs' files.", verbs="run processor", metavar="DIR"
    )
    files_store: str = _option(
        "",
        str,
        "Where outputs go: a folder, s3://, gs:// or az://. Default: DHCORE_DEFAULT_FILES_STORE, else .ovenbird.",
        verbs="run processor",
        metavar="URL",
    )
    result_file: str = _option(
        "", str, "JSON file that gets state, results and outputs; - for stdout.", verbs="run processor", metavar="FILE"
    )
    max_input: int = _option(
        MAX_INPUT,
        size,
        "Most that an input may bring over a network, all its files together; 0 for no limit.",
        verbs="run processor",
        metavar="SIZE",
    )
    source_limit: int = _option(
        1024**3,
        size,
        "Largest source that a run fetches, packed or unpacked.",
        verbs="run processor",
        metavar="SIZE",
    )
    source_files: int = _option(
        100_000, whole(1, 10**12), "Most files that such a source may have.", verbs="run processor", metavar="N"
    )
    # the listener
    host: str = _option(
        "127.0.0.1",
        host_name,
        "Address to listen on, or to ask; the processor listens on all.",
        verbs="serve health processor",
        metavar="ADDRESS",
        defaults={"processor": "0.0.0.0"},  # noqa: S104  # it is made for containers
    )
    port: int = _option(
        8080,
        whole(0, PORTS),
        "Port to listen on, or to ask; 0 takes a free one.",
        verbs="serve health processor",
        metavar="N",
        env="OVENBIRD_PORT PORT",
    )
    admin_port: str = _option(
        "",
        second_port,
        "A port of their own for /_/metrics and /_/openapi.json, or `off` for nowhere; /_/live and /_/ready are "
        "answered at both. Default: the port of the function.",
        verbs="serve",
        metavar="N|off",
    )
    page: str = _option(
        "auto",
        choice("auto", "on", "off"),
        "The page of the service at /_/, with its contract and a form to call it; auto is off where --admin-port is "
        "set, and on elsewhere.",
        verbs="serve processor",
        metavar="auto|on|off",
        defaults={"processor": "off"},
    )
    probe_port: int = _option(
        0,
        whole(0, PORTS),
        "A second port, which answers /ready and /live: 8082 unless set; 0 for none.",
        verbs="processor",
        metavar="N",
        defaults={"processor": 8082},
    )
    methods: tuple[str, ...] = _option(
        (),
        methods,
        "HTTP methods that the handler takes, separated by commas; others are answered 405. Default: all.",
        verbs="serve invoke",
        metavar="LIST",
    )
    # processes
    workers: int = _option(
        1,
        workers,
        "Worker processes; auto takes one for each CPU of the cgroup's quota.",
        verbs="serve processor",
        metavar="N|auto",
    )
    preload: str = _option(
        "auto",
        choice("auto", "import", "init", "off"),
        "Import the function once and fork each worker from that process; init: call init once there too. auto is "
        "import with more than one worker, else off.",
        verbs="serve processor",
        metavar="auto|import|init|off",
    )
    max_requests: int = _option(
        0,
        whole(0),
        "Replace a worker after about this many calls (up to a tenth more, at random); 0 never.",
        verbs="serve processor",
        metavar="N",
    )
    # admission
    concurrency: int = _option(
        0,
        whole(0, 100_000),
        "Calls that run at once in each worker; 0 takes 40 for a sync handler and 1000 for an async one.",
        verbs="serve processor",
        metavar="N",
    )
    queue: int = _option(
        200,
        whole(0, 1_000_000),
        "Calls that may wait for a slot in each worker; one more is answered 503.",
        verbs="serve processor",
        metavar="N",
    )
    queue_timeout: float = _option(
        0.0,
        duration,
        "How long a call may wait for a slot; then it is answered 503. 0 for no limit but that of the call.",
        verbs="serve processor",
        metavar="DURATION",
    )
    timeout: float = _option(
        300.0,
        duration,
        "Time limit of a call, waiting included, or of a run; 0 for none, the default of a run and of the processor.",
        verbs="serve invoke run processor",
        metavar="DURATION",
        defaults={"run": 0.0, "processor": 0.0},
    )
    max_body: int = _option(
        32 * 1024**2,
        size,
        "Largest body of a request; one byte more is answered 413.",
        verbs="serve invoke processor",
        metavar="SIZE",
    )
    max_pending_input: str = _option(
        "auto",
        size_or_auto,
        "Bodies that are held at once, by all workers together; with more, calls are answered 503. 0 for no limit; "
        "auto is a quarter of the memory that the container may use.",
        verbs="serve processor",
        metavar="SIZE|auto",
    )
    max_fields: int = _option(
        10_000,
        whole(0),
        "Most fields of a form or query, and most parts of a multipart body; more is answered 413. 0 is no limit.",
        verbs="serve invoke processor",
        metavar="N",
    )
    max_items: int = _option(
        1_000_000,
        whole(0),
        "Most values (elements of arrays, members of objects) of a JSON or MessagePack body; more is answered 413. "
        "0 is no limit.",
        verbs="serve invoke processor",
        metavar="N",
    )
    max_header: int = _option(
        64 * 1024,
        size,
        "Largest request line, headers and trailers together; more is answered 431.",
        verbs="serve processor",
        metavar="SIZE",
    )
    read_timeout: float = _option(
        30.0,
        duration,
        "Time limit for a client to send its headers, and again for its body; 0 for none.",
        verbs="serve processor",
        metavar="DURATION",
    )
    write_timeout: float = _option(
        60.0,
        duration,
        "How long a client may take nothing of its answer; then it is cut off. 0 for no limit.",
        verbs="serve processor",
        metavar="DURATION",
    )
    max_pending_output: int = _option(
        1024**3,
        size,
        "Answers that clients have not taken yet, in each worker; with more, calls are answered 503. 0 for no limit.",
        verbs="serve processor",
        metavar="SIZE",
    )
    keep_alive: float = _option(
        75.0, duration, "How long an idle connection stays open.", verbs="serve processor", metavar="DURATION"
    )
    # life
    init_timeout: float = _option(
        300.0, duration, "Time limit of init; 0 for none.", verbs="serve invoke run processor", metavar="DURATION"
    )
    drain_delay: float = _option(
        1.0,
        duration,
        "After SIGTERM: how long calls are still taken while /_/ready says 503.",
        verbs="serve processor",
        metavar="DURATION",
    )
    grace: float = _option(
        30.0,
        duration,
        "After the drain delay: how long calls in flight may take to finish. Of a run that is stopped: how long it may "
        "take to end, before it is ended by force; 0 for no limit, 8s is the default of a run.",
        verbs="serve run processor",
        metavar="DURATION",
        defaults={"run": GRACE},
    )
    pdb: bool = _option(
        False,
        boolean,
        "When the function fails: record the run, then open the debugger where it failed. Needs a terminal.",
        verbs="run",
        metavar="BOOL",
    )
    # logging
    access_log: bool = _option(True, boolean, "Log one line for each call.", verbs="serve processor", metavar="BOOL")
    log_format: str = _option(
        "auto",
        choice("auto", "text", "json"),
        "Form of the log on stderr; auto is text on a terminal and where CI is set, and JSON elsewhere.",
        verbs="serve check invoke run processor",
        metavar="text|json",
    )
    log_level: str = _option(
        "info",
        choice("debug", "info", "warning", "error"),
        "Least severe level that is logged.",
        verbs="serve check invoke run processor",
        metavar="debug|info|warning|error",
    )
    # developing
    reload: bool = _option(
        False, boolean, "Restart when a file below the source folder changes.", verbs="serve", metavar="BOOL"
    )
    debug: bool = _option(
        False,
        boolean,
        "Put the traceback into error answers. For development only.",
        verbs="serve invoke processor",
        metavar="BOOL",
    )


Option = Field  # the type of one row of the table, for readers of `options`


def options(verb: str) -> list[Option[Any]]:
    """Return the rows of the table that belong to `verb`, in the order of the table."""
    return [row for row in fields(Settings) if verb in row.metadata["verbs"]]


def flag(row: Option[Any]) -> str:
    """Return the command-line flag of a row, such as `--max-body`."""
    return "--" + row.name.replace("_", "-")


def variable(row: Option[Any]) -> str:
    """Return the environment variable of a row, such as `OVENBIRD_MAX_BODY`."""
    return variables(row)[0]


def variables(row: Option[Any]) -> tuple[str, ...]:
    """Return the environment variables of a row, such as `OVENBIRD_PORT` and `PORT`; the first one takes precedence."""
    return tuple((row.metadata["env"] or "OVENBIRD_" + row.name.upper()).split())


def default(row: Option[Any]) -> Any:
    """Return the default of a row."""
    return row.default_factory() if row.default_factory is not MISSING else row.default


def resolve(verb: str, flags: Mapping[str, str | Iterable[str]], environ: Mapping[str, str]) -> Settings:
    """Return the settings of `verb` from its flags (unparsed, by field name) and the environment.

    Every value that does not parse is reported at once. Source: flag, then environment, then default.
    """
    values: dict[str, Any] = {
        row.name: row.metadata["defaults"][verb] for row in options(verb) if verb in row.metadata["defaults"]
    }
    problems: list[str] = []
    for row in options(verb):
        parse, many = row.metadata["parse"], row.metadata["many"]
        flag_value = flags.get(row.name)
        name = next((name for name in variables(row) if environ.get(name)), "")
        texts: list[tuple[str, str, Callable[[str], Any]]] = []
        if name and (many or flag_value is None):
            texts.append((name, environ[name], json_object if many else parse))
        if flag_value is not None:
            texts += [
                (flag(row), text, parse) for text in ([flag_value] if isinstance(flag_value, str) else flag_value)
            ]
        for number, (origin, text, parse) in enumerate(texts, 1):
            try:
                if not is_unicode(text) and not (row.name in _OF_BYTES and origin.startswith("--")):
                    raise ValueError("UTF-8 text")
                value = parse(text)
            except ValueError as error:
                fault = _describe_fault(text, parse) if many else f", found {show_value(text)}"
                place = f" (value {number} of {len(texts)})" if many and len(texts) > 1 else ""
                problems.append(f"{origin}: expected {error}{fault}{place}")
                continue
            values[row.name] = {**values.get(row.name, {}), **value} if many else value
    if problems:
        raise SettingsError("; ".join(problems), hint=f"`ovenbird {verb} --help` lists every setting")
    return Settings(**values)


def _describe_fault(text: str, parse: Callable[[str], Any]) -> str:
    """Return what is wrong with one of many values, without its text: an init parameter may be a secret."""
    if parse is json_object or (text.partition("=")[0] and "=" in text):
        return ""
    return ", found no name before `=`" if "=" in text else ", found no `=`"


def unknown_variables(environ: Iterable[str]) -> list[str]:
    """Return the names that begin with `OVENBIRD_` and belong to no setting of any verb."""
    ours = [name for name in environ if name.startswith("OVENBIRD_")]
    if not ours:
        return []
    names = {name for row in fields(Settings) for name in variables(row)} | _FURTHER_VARIABLES
    return [name for name in ours if name not in names]


def overridden_names(verb: str, flags: Mapping[str, Any], environ: Mapping[str, str]) -> frozenset[str]:
    """Return the field names of the settings of `verb` that a flag or the environment sets."""
    return frozenset(
        row.name
        for row in options(verb)
        if flags.get(row.name) is not None or any(environ.get(name) for name in variables(row))
    )


def limits_as_variables(settings: Settings) -> dict[str, str]:
    """Return the limits of what a run fetches, as variables. The code that fetches files sees only the environment."""
    return {
        "OVENBIRD_MAX_INPUT": str(settings.max_input),
        "OVENBIRD_SOURCE_LIMIT": str(settings.source_limit),
        "OVENBIRD_SOURCE_FILES": str(settings.source_files),
    }
