"""PyPI taobao-openapi: makes the calls of a plan (on standard input) and prints what it made of the answers."""

import json
import sys
import urllib.parse

import top
from top.api.base import RestApi, TopException


def request_of(method):
    """The class that the platform's generator would write for a method."""
    return type("Request", (RestApi,), {"getapiname": lambda self: method})


def make(plan, call):
    at = urllib.parse.urlsplit(plan["domain"])
    request = request_of(call["method"])(at.hostname, at.port)
    request.set_app_info(top.appinfo(call["app_key"], call["app_secret"]))
    for name, value in call["params"].items():
        setattr(request, name, value)
    try:
        return {"answer": request.getResponse()}
    except TopException as error:
        told = {"code": error.errorcode, "sub_code": error.subcode, "text": str(error)}
        return {"error": told}


plan = json.load(sys.stdin)
json.dump([make(plan, call) for call in plan["calls"]], sys.stdout)
