"""Makes every request of the fuzzer come from an address of its own, as a proxy would say it: it tries
wrong credentials, and an address that does so too often is refused whatever it sends.
"""

from itertools import count

import requests

numbers = count()
send = requests.Session.send


def send_from_elsewhere(session, request, **options):
    number = next(numbers)
    request.headers["CF-Connecting-IP"] = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return send(session, request, **options)


requests.Session.send = send_from_elsewhere
