"""Which distribution brings a module whose name is another one; for hints alone."""

from __future__ import annotations

import re

_OTHERS = {
    "asynchat": "pyasynchat", "asyncore": "pyasyncore", "attr": "attrs", "audioop": "audioop-lts",
    "bs4": "beautifulsoup4", "cgi": "legacy-cgi", "cgitb": "legacy-cgi", "crypt": "legacy-crypt",
    "Crypto": "pycryptodome", "Cryptodome": "pycryptodomex", "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil", "distutils": "setuptools", "docx": "python-docx", "dotenv": "python-dotenv",
    "faiss": "faiss-cpu", "fitz": "PyMuPDF", "git": "GitPython", "github": "PyGithub",
    "googleapiclient": "google-api-python-client", "igraph": "python-igraph", "jose": "python-jose",
    "jwt": "PyJWT", "kafka": "kafka-python", "ldap": "python-ldap", "Levenshtein": "python-Levenshtein",
    "lib2to3": "fissix", "magic": "python-magic", "markdown": "Markdown", "mpl_toolkits": "matplotlib",
    "mysql": "mysql-connector-python", "MySQLdb": "mysqlclient", "OpenSSL": "pyOpenSSL", "osgeo": "GDAL",
    "PIL": "Pillow", "pkg_resources": "setuptools", "pptx": "python-pptx", "psycopg2": "psycopg2-binary",
    "pydantic_core": "pydantic-core", "pylab": "matplotlib", "rest_framework": "djangorestframework",
    "ruamel": "ruamel.yaml", "serial": "pyserial", "skimage": "scikit-image", "sklearn": "scikit-learn",
    "skopt": "scikit-optimize", "slugify": "python-slugify", "snappy": "python-snappy", "socks": "PySocks",
    "telegram": "python-telegram-bot", "umap": "umap-learn", "usb": "pyusb", "websocket": "websocket-client",
    "win32api": "pywin32", "wx": "wxPython", "xdg": "pyxdg", "yaml": "PyYAML", "zmq": "pyzmq",
}  # fmt: skip


def guess_distribution(module: str) -> str:
    """Return the name under which an index most likely has a module: of `sklearn`, scikit-learn."""
    return _OTHERS.get(module, module.replace("_", "-"))


def normalize_distribution(distribution: str) -> str:
    """Return the normal form of a distribution's name, without what tells its builds apart (`-binary`, `-headless`)."""
    return re.sub(r"-(binary|headless|cpu|gpu|contrib)\b", "", re.sub(r"[-_.]+", "-", distribution).lower())
