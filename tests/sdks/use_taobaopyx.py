"""PyPI taobaopyx: makes the calls of a plan (on standard input) and prints what it made of the answers."""

import asyncio
import json
import sys

from taobaopyx.taobao import AsyncTaobaoAPIClient, TaobaoAPIError


async def make(plan, call):
    client = AsyncTaobaoAPIClient(
        app_key=call["app_key"], app_secret=call["app_secret"], domain=plan["domain"]
    )
    try:
        return {"answer": await getattr(client, call["method"])(**call["params"])}
    except TaobaoAPIError as error:
        return {"error": {"code": error.code, "sub_code": error.sub_code, "text": str(error)}}
    finally:
        await client.aclose()


async def main():
    plan = json.load(sys.stdin)
    json.dump([await make(plan, call) for call in plan["calls"]], sys.stdout)


asyncio.run(main())
