"""What secrets look like: private keys, and the tokens whose issuers gave them a prefix of their own.

A table of ours, since no rule set on PyPI fits a build. detect-secrets has had no release since May 2024, takes
seconds for each MB, and takes every `password=` for a secret. Kingfisher's rules are kept and search quickly, but to
load them costs 0.3 s of each build with an edited source, which takes less in all, and those of high confidence miss
cloud keys and the credentials of registries. Here are only forms that nothing else has by chance; what needs a guess
(an assignment to `password`, entropy, a password in a URL) is left to scanners of repositories.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import cache

from msgspec import Struct


class TokenPattern(Struct, frozen=True):
    """One form. `name` is for people; each match holds one of `anchors`, which are looked for before the pattern.

    A form that `spans` lines begins with its anchor, and is tried at the first anchors of a text only: each try may
    read on for thousands of characters, and a source may be anybody's.
    """

    name: str
    anchors: tuple[bytes, ...]
    pattern: bytes
    spans: bool = False


def _define(name: str, prefix: bytes, body: bytes, anchors: tuple[bytes, ...] = ()) -> TokenPattern:
    """Return the pattern of a token that stands alone: `prefix` (a literal unless there are `anchors`), then `body`."""
    start = prefix if anchors else re.escape(prefix)
    pattern = b"(?<![A-Za-z0-9_+/])" + start + b"(" + body + b")(?![A-Za-z0-9_])"
    return TokenPattern(name, anchors or (prefix,), pattern)


_MOST_SPANS = 50
_WORD, _HEX, _URL = b"[A-Za-z0-9]", b"[a-f0-9]", b"[A-Za-z0-9_-]"
_ARMOR = rb"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"

KEYS = (
    # as a file has it: the armor on a line of its own, then headers, then a line of the key
    TokenPattern(
        "private key",
        (b"PRIVATE KEY",),
        _ARMOR + rb"[ \t]*\r?\n(?:[ \t]*[A-Za-z-]{3,20}: [^\n]{0,200}\n|[ \t]*\r?\n){0,8}[ \t]*([A-Za-z0-9+/=]{4,})\s",
    ),
    # as a text within JSON or code has it: the armor line alone is no key
    TokenPattern("private key", (b"PRIVATE KEY",), _ARMOR + rb"""[\\rn"'\s,+]{1,40}?([A-Za-z0-9+/=]{40,})"""),
)
FORMS = (
    *KEYS,
    TokenPattern(
        "private key in base64",
        (b"LS0tLS1CRUdJTi",),
        rb"LS0tLS1CRUdJTiB(?:QUklWQVRFIEtFWS|SU0EgUFJJVkFURSBLRVkt|FQyBQUklWQVRFIEtFWS|PUEVOU1NIIFBSSVZBVEUgS0VZ"
        rb"|FTkNSWVBURUQgUFJJVkFURSBLRVkt)([A-Za-z0-9+/=\s]{20,})",
    ),
    TokenPattern("PuTTY private key", (b"PuTTY-User-Key-File-",),
        rb"PuTTY-User-Key-File-\d:[\s\S]{0,4000}?Private-Lines:",
         spans=True),
    _define("age private key", b"AGE-SECRET-KEY-1", b"[A-Z0-9]{58}"),
    # clouds
    _define("AWS access key", b"A(?:KIA|SIA|BIA|CCA)", b"[A-Z0-9]{16}", (b"AKIA", b"ASIA", b"ABIA", b"ACCA")),
    TokenPattern(
        "AWS secret key",
        (b"aws_secret_access_key", b"AWS_SECRET_ACCESS_KEY", b"SecretAccessKey"),
        rb"""(?:aws_secret_access_key|AWS_SECRET_ACCESS_KEY|SecretAccessKey)["']?\s*[=:]\s*["']?"""
        rb"""([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])""",
    ),
    _define("Google API key", b"AIza", _URL + b"{35}"),
    _define("Google OAuth client secret", b"GOCSPX-", _URL + b"{28}"),
    _define("Google OAuth token", b"ya29.", _URL + b"{20,}"),
    TokenPattern("Azure storage key", (b"AccountKey=",), rb"AccountKey=([A-Za-z0-9+/]{86}==)"),
    TokenPattern("Azure shared access key", (b"SharedAccessKey=",), rb"SharedAccessKey=([A-Za-z0-9+/]{43}=)"),
    TokenPattern(
        "Azure client secret", (b"Q~",),
        rb"(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.]{3}\dQ~([A-Za-z0-9_~.-]{31,34})(?![A-Za-z0-9_~.-])",
    ),
    _define("DigitalOcean token", b"do[opr]_v1_", _HEX + b"{64}", (b"dop_v1_", b"doo_v1_", b"dor_v1_")),
    _define("Alibaba Cloud access key", b"LTAI", _WORD + b"{20}"),
    _define("Databricks token", b"dapi", _HEX + b"{32}(?:-[0-9])?"),
    _define("Heroku token", b"HRKU-AA", _URL + b"{58}"),
    # forges
    _define("GitHub token", b"gh[pousr]_", _WORD + b"{36,255}", (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_")),
    _define("GitHub fine-grained token", b"github_pat_", b"[A-Za-z0-9_]{60,}"),
    _define(
        "GitLab token", b"gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat|ffct)-", rb"[A-Za-z0-9_.-]{20,}",
        (b"glpat-", b"gldt-", b"glrt-", b"glcbt-", b"glptt-", b"glft-", b"glimt-", b"glagent-", b"gloas-", b"glsoat-",
         b"glffct-"),
    ),
    _define("Bitbucket app password", b"ATBB", _WORD + b"{32}"),
    _define("Atlassian token", b"ATATT3", b"[A-Za-z0-9_=-]{100,}"),
    # indexes and registries
    _define("PyPI token", b"pypi-AgE", _URL + b"{50,}"),
    _define("npm token", b"npm_", _WORD + b"{36}"),
    TokenPattern("npm token", (b"_authToken",), rb":_authToken\s*=\s*([^\s$]{8,})"),
    _define("RubyGems token", b"rubygems_", _HEX + b"{48}"),
    _define("Docker Hub token", b"dckr_[po]at_", _URL + b"{27,}", (b"dckr_pat_", b"dckr_oat_")),
    TokenPattern(
        "credentials of a registry", (b'"auths"',),
        rb'"auths"\s*:\s*\{[\s\S]{0,2000}?"auth"\s*:\s*"([A-Za-z0-9+/]{8,}={0,2})"', spans=True,
    ),
    TokenPattern(
        "credentials of a cluster", (b"client-key-data",),
        rb"client-key-data[\"']?\s*:\s*[\"']?([A-Za-z0-9+/=]{40,})",
    ),
    TokenPattern(
        "credentials of a cluster", (b"kind: Config",),
        rb"(?m)^kind: Config\s[\s\S]{0,4000}?^\s+(?:token|password): ([^\s{$<]{8,})", spans=True,
    ),
    # models
    _define("Hugging Face token", b"hf_", b"[A-Za-z]{34}"),
    _define("OpenAI key", b"sk-(?:proj|svcacct|admin)-", _URL + b"{40,}", (b"sk-proj-", b"sk-svcacct-", b"sk-admin-")),
    TokenPattern("OpenAI key", (b"T3BlbkFJ",), rb"(?<![A-Za-z0-9_+/-])sk-([A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20})"),
    _define("Anthropic key", b"sk-ant-", rb"[a-z]+[0-9]{2}-[A-Za-z0-9_-]{40,}"),
    _define("Replicate token", b"r8_", _WORD + b"{37}"),
    _define("Groq key", b"gsk_", _WORD + b"{52}"),
    _define("xAI key", b"xai-", _WORD + b"{80}"),
    # messages, mail, payments
    _define("Slack token", b"xox[abeoprs]-", _URL + b"{20,}",
           (b"xoxa-", b"xoxb-", b"xoxe-", b"xoxo-", b"xoxp-", b"xoxr-", b"xoxs-")),
    _define("Slack app token", b"xapp-", rb"[0-9]-[A-Z0-9]+-[0-9]+-[a-f0-9]{20,}"),
    TokenPattern("Slack webhook", (b"hooks.slack.com/",), rb"hooks\.slack\.com/(?:services|workflows|triggers)/"
         rb"([A-Za-z0-9+/]{40,})"),
    TokenPattern("Discord webhook", (b"/api/webhooks/",),
         rb"discord(?:app)?\.com/api/webhooks/[0-9]{15,}/([A-Za-z0-9_-]{50,})"),
    TokenPattern("Teams webhook", (b".webhook.office.com/",),
        rb"\.webhook\.office\.com/webhookb2/([A-Za-z0-9@/-]{60,})"),
    TokenPattern("Telegram token", (b":AA",), rb"(?<![0-9])[0-9]{8,10}:AA([A-Za-z0-9_-]{33})(?![A-Za-z0-9_-])"),
    _define("SendGrid key", b"SG.", rb"[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    _define("Stripe key", b"[rs]k_live_", _WORD + b"{16,}", (b"sk_live_", b"rk_live_")),
    _define("Stripe webhook secret", b"whsec_", b"[A-Za-z0-9+/=]{32,}"),
    _define("Shopify token", b"shp(?:at|ca|pa|ss)_", b"[A-Fa-f0-9]{32}", (b"shpat_", b"shpca_", b"shppa_", b"shpss_")),
    # operations
    _define("Vault token", b"hv[bs].", rb"[A-Za-z0-9_-]{90,}", (b"hvs.", b"hvb.")),
    TokenPattern("Terraform token", (b".atlasv1.",), rb"[A-Za-z0-9]{14}\.atlasv1\.([A-Za-z0-9_=-]{60,})"),
    _define("Grafana token", b"glsa_", _WORD + b"{32}_[A-Fa-f0-9]{8}"),
    _define("Grafana Cloud token", b"glc_eyJ", b"[A-Za-z0-9+/=]{40,}"),
    _define("Sentry token", b"sntry[su]_", b"[A-Za-z0-9+/=_-]{60,}", (b"sntrys_", b"sntryu_")),
    _define("New Relic key", b"NRAK-", b"[A-Z0-9]{27}"),
    _define("Doppler token", b"dp.", rb"(?:ct|pt|st|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}"),
    _define("Pulumi token", b"pul-", _HEX + b"{40}"),
    _define("Postman key", b"PMAK-", _HEX + b"{24}-" + _HEX + b"{34}"),
    _define("Tailscale key", b"tskey-", rb"(?:auth|api|client|webhook)-[A-Za-z0-9]+-[A-Za-z0-9]{20,}"),
    _define("PlanetScale token", b"pscale_", rb"(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{32,}"),
    _define("Supabase token", b"sbp_", _HEX + b"{40}"),
    _define("Linear key", b"lin_api_", _WORD + b"{40}"),
    _define("Notion token", b"ntn_", rb"[0-9]{11}[A-Za-z0-9]{35}"),
    _define("1Password token", b"ops_eyJ", b"[A-Za-z0-9+/=]{250,}"),
)  # fmt: skip
DIGEST = hashlib.sha256(repr(FORMS).encode()).hexdigest()  # what was found by other forms has to be looked for again


def find_forms(data: bytes, forms: tuple[TokenPattern, ...] = FORMS) -> Iterator[tuple[int, str]]:
    """Yield where in `data` a secret begins, and what it looks like. Placeholders such as `ghp_xxxx…` are none."""
    for form, match in _find_matches(data, forms):
        yield match.start(), form.name


def redact_tokens(text: str) -> str:
    """Return a text with `***` for each secret in it."""
    data = text.encode("utf-8", "surrogateescape")
    for start, end in sorted({match.span() for _, match in _find_matches(data, FORMS)}, reverse=True):
        data = data[:start] + b"***" + data[end:]
    return data.decode("utf-8", "surrogateescape")


def _find_matches(data: bytes, forms: tuple[TokenPattern, ...]) -> Iterator[tuple[TokenPattern, re.Match[bytes]]]:
    for form in forms:
        if any(anchor in data for anchor in form.anchors):
            for match in _match_spans(form, data) if form.spans else _compile(form.pattern).finditer(data):
                if not _is_placeholder(match[1] if match.re.groups else match[0]):
                    yield form, match


def _match_spans(form: TokenPattern, data: bytes) -> Iterator[re.Match[bytes]]:
    pattern, anchor, start = _compile(form.pattern), form.anchors[0], -1
    for _ in range(_MOST_SPANS):
        start = data.find(anchor, start + 1)
        if start < 0:
            return
        if match := pattern.match(data, start):
            yield match


@cache
def _compile(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern)


def _is_placeholder(text: bytes) -> bool:
    return len(set(text)) == 1 and text[:1] in b"xX0*."
