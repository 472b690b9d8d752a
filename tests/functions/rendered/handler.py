"""What a platform renders around a user's functions: it finds the function, runs it and answers the processor."""

import importlib
import json
import os


def init_context(context):
    user = importlib.import_module(os.environ.get("USER_MODULE", "main"))
    context.user_data.user = user
    if hasattr(user, "init"):
        user.init(context, **json.loads(os.environ.get("INIT_PARAMETERS", "{}")))


def handler(context, event):
    if event.trigger.kind != "job":
        return context.user_data.user.serve(context, event)
    run = json.loads(event.body)
    function = getattr(context.user_data.user, run["handler"])
    try:
        result = function(**run["spec"]["parameters"])
    except Exception as error:
        context.logger.error_with("the run failed", error=str(error))
        return context.Response(body=str(error), headers={}, content_type="text/plain", status_code=500)
    context.logger.info_with("the run is done", result=result)
    return context.Response(body="OK", headers={}, content_type="text/plain", status_code=200)
