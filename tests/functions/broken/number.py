handler = 3


def handle():
    pass
