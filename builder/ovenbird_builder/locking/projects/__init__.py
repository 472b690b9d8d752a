"""Dependencies as other tools declare and lock them: pyproject.toml, Poetry, uv, PDM, Pipenv."""
