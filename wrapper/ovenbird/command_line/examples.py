"""Two examples of each verb, as its help shows them; a test parses every one."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, ...]] = {
    "serve": ("ovenbird serve main.py --reload", "ovenbird serve function.yaml --workers auto --timeout 30s"),
    "run": ("ovenbird run main.py:train --param depth=3", "ovenbird run function.yaml --input data=cities.csv"),
    "check": ("ovenbird check main.py", "ovenbird check function.yaml --imports"),
    "invoke": ("""ovenbird invoke main.py --data '{"n": 1}'""", "ovenbird invoke main.py:greet --data @order.json"),
    "init": ("ovenbird init", "ovenbird init greeter --name greeter"),
    "processor": (
        "ovenbird processor --config function.yaml",
        "ovenbird processor --config /etc/nuclio/config/processor/processor.yaml --port 8080",
    ),
    "health": ("ovenbird health", "ovenbird health --port 9000"),
    "completion": (
        "ovenbird completion bash >> ~/.bash_completion",
        "ovenbird completion fish > ~/.config/fish/completions/ovenbird.fish",
    ),
    "runs": ("ovenbird runs list --state ERROR", "ovenbird runs show latest"),
    "runs list": ("ovenbird runs list --since 2d --columns name,depth,loss", "ovenbird runs list --where depth=3"),
    "runs show": ("ovenbird runs show latest", "ovenbird runs show latest --plot"),
    "runs get": ("ovenbird runs get latest results", "ovenbird runs get latest results --overwrite"),
    "runs rm": ("ovenbird runs rm nightly", "ovenbird runs rm nightly --keep-files"),
    "runs logs": ("ovenbird runs logs latest", "ovenbird runs logs latest --follow"),
    "runs tag": ("ovenbird runs tag latest stage=production", "ovenbird runs tag latest --name best"),
    "runs compare": ("ovenbird runs compare best latest", "ovenbird runs compare best latest --changed"),
    "runs rerun": ("ovenbird runs rerun latest", "ovenbird runs rerun best --param depth=5"),
    "lineage": ("ovenbird lineage latest", "ovenbird lineage prices --format mermaid"),
    "ui": ("ovenbird ui --open", "ovenbird ui --port 9090"),
    "store": ("ovenbird store", "ovenbird store --json"),
    "store migrate": (
        "ovenbird store migrate .ovenbird env:OVENBIRD_STORE",
        "ovenbird store migrate postgresql://db.example.com/ovenbird copy",
    ),
    "store upgrade": ("ovenbird store upgrade", "ovenbird store upgrade --json"),
    "build": (
        "ovenbird build function.yaml --tag registry.example.com/team/greeter:1 --push",
        "ovenbird build main.py:handler --python 3.13 --requirement 'pandas>=2' --dry-run",
    ),
    "lock": ("ovenbird lock", "ovenbird lock function.yaml --upgrade-package pandas"),
    "bundle": ("ovenbird bundle -o greeter.bundle", "ovenbird bundle function.yaml --locker uv -o greeter.bundle"),
    "inspect": (
        "ovenbird inspect registry.example.com/team/greeter:1",
        "ovenbird inspect containers-storage:greeter --json",
    ),
    "rebase": (
        "ovenbird rebase registry.example.com/team/greeter:1 --base registry.example.com/ovenbird:3.12 --push",
        "ovenbird rebase containers-storage:greeter --base localhost/ovenbird:3.12 --tag greeter:new",
    ),
    "base": ("ovenbird base list", "ovenbird base build 3.12"),
    "base list": ("ovenbird base list", "ovenbird base list --json"),
    "base build": (
        "ovenbird base build 3.12",
        "ovenbird base build 3.12 3.13 --tag 'registry.example.com/ovenbird:{version}' --push",
    ),
    "base pin": ("ovenbird base pin", "ovenbird base pin 3.12"),
    "base lock": ("ovenbird base lock", "ovenbird base lock 3.12 3.13"),
    "cache": ("ovenbird cache info", "ovenbird cache prune --max-size 20G"),
    "cache ls": ("ovenbird cache ls", "ovenbird cache --cache-dir .ovenbird-cache ls"),
    "cache info": ("ovenbird cache info", "ovenbird cache --cache-dir .ovenbird-cache info"),
    "cache prune": ("ovenbird cache prune --older-than 30d", "ovenbird cache prune --max-size 20G"),
    "sbom": ("ovenbird sbom registry.example.com/team/greeter:1", "ovenbird sbom containers-storage:greeter"),
    "manifests": (
        "ovenbird manifests --action serve --image registry.example.com/team/greeter:1 | kubectl apply -f -",
        "ovenbird manifests function.yaml --action job --schedule '0 3 * * *' --resolve",
    ),
}
for _noun, _name in (("dataitems", "cities"), ("artifacts", "report"), ("models", "prices"), ("functions", "train")):
    EXAMPLES[_noun] = (f"ovenbird {_noun} list", f"ovenbird {_noun} show {_name}")
    EXAMPLES[f"{_noun} list"] = (f"ovenbird {_noun} list", f"ovenbird {_noun} list --name {_name} --versions")
    EXAMPLES[f"{_noun} show"] = (f"ovenbird {_noun} show {_name}", f"ovenbird {_noun} show {_name} --json")
    EXAMPLES[f"{_noun} get"] = (f"ovenbird {_noun} get {_name}", f"ovenbird {_noun} get {_name} folder --overwrite")
    EXAMPLES[f"{_noun} rm"] = (f"ovenbird {_noun} rm {_name}", f"ovenbird {_noun} rm {_name} --versions")
