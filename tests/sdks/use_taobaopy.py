"""PyPI taobaopy: makes the calls of a plan (on standard input) and prints what it made of the answers."""

import json
import sys

from taobaopy.taobao import TaoBaoAPIClient, TaoBaoAPIError


def make(plan, call):
    client = TaoBaoAPIClient(call["app_key"], call["app_secret"], domain=plan["domain"])
    name = call["method"].removeprefix("taobao.").replace(".", "_")
    try:
        return {"answer": getattr(client, name)(**call["params"])}
    except TaoBaoAPIError as error:
        return {"error": {"code": error.code, "sub_code": error.sub_code, "text": str(error)}}


plan = json.load(sys.stdin)
json.dump([make(plan, call) for call in plan["calls"]], sys.stdout)
