"""The work as a BentoML service."""

import bentoml


@bentoml.service(workers=1, logging={"access": {"enabled": False}})
class Hello:
    @bentoml.api
    async def hello(self, name: str, n: int) -> dict[str, object]:
        return {"greeting": "hello " + name, "next": n + 1}
