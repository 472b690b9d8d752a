"""Forms of secrets: each one is found, and what only speaks of them is not.

Examples are put together here, so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import pytest

from ovenbird_builder.sources.token_patterns import FORMS, find_forms

_WORD = "a1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuVwXyZ"
_HEX = "0123456789abcdef"
_ARMOR = ("-----BEGIN {}PRIVATE KEY{}-----", "-----END {}PRIVATE KEY{}-----")


def make_word(length: int, letters: str = _WORD) -> str:
    return (letters * (length // len(letters) + 1))[:length]


def make_key(kind: str = "", block: str = "", end: str = "\n", body: str = "") -> str:
    lines = [_ARMOR[0].format(kind, block), body or make_word(64), make_word(64), _ARMOR[1].format(kind, block)]
    return end.join(lines) + end


EXAMPLES = [
    ("private key", make_key()),
    ("private key", make_key("RSA ")),
    ("private key", make_key("EC ", end="\r\n")),
    ("private key", make_key("OPENSSH ")),
    ("private key", make_key("ENCRYPTED ")),
    (
        "private key",
        make_key(
            "RSA ", body=f"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,{make_word(32, _HEX)}\n\n{make_word(64)}"
        ),
    ),
    ("private key", make_key("PGP ", " BLOCK", body=f"Version: GnuPG v2\n\n{make_word(64)}")),
    ("private key", "key: |\n  " + make_key().replace("\n", "\n  ")),  # in YAML
    ("private key", '{"private_key": "' + make_key(end="\\n") + '"}'),  # a service account of Google
    ("private key", 'KEY = """' + make_key() + '"""'),
    ("private key in base64", "LS0tLS1CRUdJTi" + "BSU0EgUFJJVkFURSBLRVktLS0tLQo" + make_word(80)),
    ("PuTTY private key", "PuTTY-User-Key-File-3" + ": ssh-ed25519\nComment: x\nPrivate-Lines: 1\nAAAA\n"),
    ("age private key", "AGE-SECRET" + "-KEY-1" + make_word(58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L")),
    ("AWS access key", "AKIA" + make_word(16, "ABCDEFGHJKLMNP234567")),
    ("AWS access key", "ASIA" + make_word(16, "ABCDEFGHJKLMNP234567")),
    ("AWS secret key", "aws_secret_access_key = " + make_word(40)),
    ("AWS secret key", 'AWS_SECRET_ACCESS_KEY: "' + make_word(40) + '"'),
    ("Google API key", "AIza" + make_word(35)),
    ("Google OAuth client secret", "GOCSPX" + "-" + make_word(28)),
    ("Google OAuth token", "ya29" + "." + make_word(60)),
    ("Azure storage key", "AccountName=a;AccountKey" + "=" + make_word(86) + "==;"),
    ("Azure shared access key", "SharedAccessKey" + "=" + make_word(43) + "="),
    ("Azure client secret", "abc8" + "Q~" + make_word(34)),
    ("DigitalOcean token", "dop_v1" + "_" + make_word(64, _HEX)),
    ("Alibaba Cloud access key", "LTAI" + make_word(20)),
    ("Databricks token", "dapi" + make_word(32, _HEX)),
    ("Heroku token", "HRKU-AA" + make_word(58)),
    ("GitHub token", "ghp" + "_" + make_word(36)),
    ("GitHub token", "ghs" + "_" + make_word(36)),
    ("GitHub fine-grained token", "github_pat" + "_" + make_word(22) + "_" + make_word(59)),
    ("GitLab token", "glpat" + "-" + make_word(20)),
    ("GitLab token", "glrt" + "-" + make_word(20)),
    ("Bitbucket app password", "ATBB" + make_word(32)),
    ("Atlassian token", "ATATT3" + make_word(150)),
    ("PyPI token", "pypi" + "-AgEIcHlwaS5vcmc" + make_word(120)),
    ("npm token", "npm" + "_" + make_word(36)),
    ("npm token", "//registry.example.com/:_authToken" + "=" + make_word(20)),
    ("RubyGems token", "rubygems" + "_" + make_word(48, _HEX)),
    ("Docker Hub token", "dckr_pat" + "_" + make_word(27)),
    ("credentials of a registry", '{"auths": {"registry.example.com": {"auth": "' + make_word(24) + '"}}}'),
    ("credentials of a cluster", "    client-key-data: " + make_word(60)),
    ("credentials of a cluster", "kind: Config\nusers:\n- name: a\n  user:\n    token: " + make_word(40)),
    ("Hugging Face token", "hf" + "_" + make_word(34, "abcdefGHIJKLmnop")),
    ("OpenAI key", "sk-proj" + "-" + make_word(60)),
    ("OpenAI key", "sk" + "-" + make_word(20) + "T3BlbkFJ" + make_word(20)),
    ("Anthropic key", "sk-ant" + "-api03-" + make_word(93) + "AA"),
    ("Replicate token", "r8" + "_" + make_word(37)),
    ("Groq key", "gsk" + "_" + make_word(52)),
    ("xAI key", "xai" + "-" + make_word(80)),
    ("Slack token", "xoxb" + "-" + make_word(12, "123") + "-" + make_word(12, "456") + "-" + make_word(24)),
    ("Slack app token", "xapp" + "-1-A0123456789-1234567890-" + make_word(64, _HEX)),
    ("Slack webhook", "https://hooks.slack" + ".com/services/T00000000/B0000000000/" + make_word(24)),
    ("Discord webhook", "https://discord" + ".com/api/webhooks/123456789012345678/" + make_word(68)),
    ("Teams webhook", "https://a.webhook.office" + ".com/webhookb2/" + make_word(80)),
    ("Telegram token", "123456789" + ":AA" + make_word(33)),
    ("SendGrid key", "SG" + "." + make_word(22) + "." + make_word(43)),
    ("Stripe key", "sk_live" + "_" + make_word(24)),
    ("Stripe webhook secret", "whsec" + "_" + make_word(32)),
    ("Shopify token", "shpat" + "_" + make_word(32, _HEX)),
    ("Vault token", "hvs" + "." + make_word(95)),
    ("Terraform token", make_word(14) + ".atlasv1" + "." + make_word(67)),
    ("Grafana token", "glsa" + "_" + make_word(32) + "_" + make_word(8, _HEX)),
    ("Grafana Cloud token", "glc" + "_eyJ" + make_word(60)),
    ("Sentry token", "sntryu" + "_" + make_word(64, _HEX)),
    ("New Relic key", "NRAK" + "-" + make_word(27, "ABCDEFGH0123")),
    ("Doppler token", "dp" + ".pt." + make_word(43)),
    ("Pulumi token", "pul" + "-" + make_word(40, _HEX)),
    ("Postman key", "PMAK" + "-" + make_word(24, _HEX) + "-" + make_word(34, _HEX)),
    ("Tailscale key", "tskey" + "-auth-" + make_word(12) + "-" + make_word(30)),
    ("PlanetScale token", "pscale" + "_tkn_" + make_word(40)),
    ("Supabase token", "sbp" + "_" + make_word(40, _HEX)),
    ("Linear key", "lin_api" + "_" + make_word(40)),
    ("Notion token", "ntn" + "_" + make_word(11, "1234567") + make_word(35)),
    ("1Password token", "ops" + "_eyJ" + make_word(300)),
]


def find(text: str) -> set[str]:
    return {name for _, name in find_forms(text.encode())}


def test_each_form_has_an_example() -> None:
    """No row of the table is without a text that it finds."""
    assert {form.name for form in FORMS} == {name for name, _ in EXAMPLES}


@pytest.mark.parametrize(("name", "text"), EXAMPLES, ids=[f"{i}-{name}" for i, (name, _) in enumerate(EXAMPLES)])
def test_a_secret_is_found_in_code_and_in_configuration(name: str, text: str) -> None:
    """Alone, quoted as in Python, and after other lines; the error has its line."""
    assert name in find(text)
    assert name in find(f"import os\nTOKEN = '''\n{text}\n'''\n")
    assert "\n" in text or name in find(f"TOKEN = {text!r}\n")
    where = next(start for start, label in find_forms(b"# first\n" + text.encode()) if label == name)
    assert where >= len(b"# first\n")


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN CERTIFICATE-----\n" + make_word(64) + "\n-----END CERTIFICATE-----\n",
        "-----BEGIN PUBLIC KEY-----\n" + make_word(64) + "\n-----END PUBLIC KEY-----\n",
        "if text.startswith('-----BEGIN PRIVATE KEY-----'):\n    load(text)\n",
        "MARKS = ('-----BEGIN RSA PRIVATE KEY-----', '-----END RSA PRIVATE KEY-----')\n",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----\n",
        "GITHUB_TOKEN=ghp_" + "x" * 36,
        "token: ghp_...",
        "a ghp_prefix and an AKIA prefix, sk-learn, hf_hub_download, npm_config_registry",
        "//registry.npmjs.org/:_authToken=${NPM_TOKEN}",
        '{"auths": {}}',
        "kind: Config\nusers:\n- name: a\n  user:\n    token: $TOKEN\n",
        "AWS_SECRET_ACCESS_KEY=os.environ['AWS_SECRET_ACCESS_KEY']",
        "sha256:" + make_word(64, _HEX),
        "password = 'hunter2'\npostgresql://app:secret@localhost/app",
        "data:image/png;base64," + make_word(40) + "AKIA" + make_word(16, "ABCDEFGH234567") + make_word(40),
    ],
    ids=["certificate", "public key", "mention", "mentions", "dots", "placeholder", "short", "words", "variable",
         "no auth", "no token", "code", "digest", "guess", "base64"],
)  # fmt: skip
def test_text_that_resembles_a_secret_passes(text: str) -> None:
    """Public keys, mentions, placeholders and names of variables; passwords have no recognisable form."""
    assert find(text) == set()
