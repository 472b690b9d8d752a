"""The same as a handler of the platform's processor."""

import main


def handler(context, event):
    results = main.handler()
    context.logger.info_with("the children have ended", results=results)
    return context.Response(body="OK", headers={}, content_type="text/plain", status_code=200)
