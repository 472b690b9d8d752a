"""A class with a probe of its own."""

import asyncio


class Probed:
    def __init__(self):
        self.said = "fine"

    def __call__(self, say: str):
        self.said = say
        return {"said": say}

    async def alive(self):
        if self.said == "raise":
            raise RuntimeError("secret")
        if self.said == "hang":
            await asyncio.sleep(60)
        return self.said != "no"

    def ready(self):
        return True
