"""A handler that has work done by processes, started by each method of multiprocessing."""

import multiprocessing


def square(n):
    return n * n


def squares():
    results = {}
    for method in multiprocessing.get_all_start_methods():
        with multiprocessing.get_context(method).Pool(2) as pool:
            results[method] = pool.map(square, range(4))
    return results


def handler():
    print("the handler was called", flush=True)
    return squares()
