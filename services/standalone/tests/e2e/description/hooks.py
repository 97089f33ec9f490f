"""What schemathesis does here beyond its own: it calls in somebody's name, tries
values that exist beside those it makes up, and counts what was answered.

It is told by the environment:
  FUZZ_CONSUMO, FUZZ_SECRET  the API client; none when empty
  FUZZ_EMAIL                 the user who signs in through it; none when empty
  FUZZ_KNOWN                 JSON: by the name of a field, values that exist
  FUZZ_ENDING                JSON: the operations after which the user signs in anew
  FUZZ_COUNTS                the file to write what was answered to, as JSON:
                             {"answers": {operation: {status: how often}},
                              "signed_in": is the user still, at the end}
"""

import atexit
import json
import os
import time
import zlib
from collections import Counter, defaultdict

import requests
import schemathesis

CONSUMO = os.environ["FUZZ_CONSUMO"]
SECRET = os.environ["FUZZ_SECRET"]
EMAIL = os.environ["FUZZ_EMAIL"]
KNOWN = json.loads(os.environ["FUZZ_KNOWN"])
ENDING = set(json.loads(os.environ["FUZZ_ENDING"]))

counts = defaultdict(Counter)
token = None
base_url = None


def credentials():
    return {"X-User-Consumo": CONSUMO, "X-User-Secret": SECRET}


def sign_in(base_url):
    """The token of the user, who may be switched on again only just now."""
    deadline = time.monotonic() + 20
    while True:
        answer = requests.post(
            base_url.rstrip("/") + "/api/auth/login",
            headers=credentials(),
            json={"email": EMAIL, "password": "Secret123"},
            timeout=20,
        )
        if answer.ok:
            return answer.json()["data"]["token"]
        if time.monotonic() > deadline:
            answer.raise_for_status()
        time.sleep(0.05)


def is_signed_in():
    if not token:
        return False
    answer = requests.get(
        base_url.rstrip("/") + "/api/auth/getRequestUserData",
        headers=credentials() | {"Authorization": "Bearer " + token},
        timeout=20,
    )
    return answer.ok


@schemathesis.hook
def before_call(context, case, kwargs):
    """Every call is in the name of the role; nobody keeps what was made up."""
    global token, base_url
    base_url = case.operation.base_url
    if not CONSUMO:
        return
    for name in list(case.headers):
        if name.lower() in ("x-user-consumo", "x-user-secret", "authorization"):
            del case.headers[name]
    case.headers.update(credentials())
    if EMAIL:
        if token is None:
            token = sign_in(base_url)
        case.headers["Authorization"] = "Bearer " + token


@schemathesis.hook
def after_call(context, case, response):
    global token
    counts[case.operation.label][str(response.status_code)] += 1
    if case.operation.label in ENDING:
        token = None


def with_known(name, value):
    """Most values of a field that has known ones become one of them; which ones,
    depends on the values alone, so that a run can be repeated."""
    if isinstance(value, dict):
        return {key: with_known(key, item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_known(name, item) for item in value]
    known = KNOWN.get(name)
    number = zlib.crc32(repr(value).encode("utf-8", "replace"))
    if known and number % 4:
        return known[number // 4 % len(known)]
    return value


@schemathesis.hook
def map_body(context, body):
    return with_known("", body) if isinstance(body, dict) else body


@schemathesis.hook
def map_query(context, query):
    return with_known("", query) if isinstance(query, dict) else query


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    if not isinstance(path_parameters, dict):
        return path_parameters
    # The path says what `id` is of.
    words = context.operation.path.split("/")
    of = {"users": "id_user", "company": "id_company", "deptos": "id_department"}
    place = of.get(words[2], "") if len(words) > 2 else ""
    return {
        name: with_known(place if name == "id" else name, value)
        for name, value in path_parameters.items()
    }


@atexit.register
def write_counts():
    with open(os.environ["FUZZ_COUNTS"], "w", encoding="utf-8") as file:
        json.dump({"answers": counts, "signed_in": is_signed_in()}, file)
