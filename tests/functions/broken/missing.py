import not_installed_anywhere


def handler():
    pass
