from census import census

from ovenbird import CloudEvent


def handler(event: CloudEvent):
    if event.type == "census":
        return census()
    if event.type == "error":
        raise ValueError("no")
    return len(event.data)
