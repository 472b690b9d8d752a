def boom():
    raise ValueError("no such model")


boom()
