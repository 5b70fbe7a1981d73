"""The health endpoint, in this process."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from qx.lab.endpoint import Endpoint


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint("eu-west", 0) as it:
        thread = threading.Thread(target=it.serve_forever, args=(0.01,))
        thread.start()
        yield it
        it.shutdown()
        thread.join(10)


@pytest.mark.parametrize(("path", "status"), [("/health", 200), ("/health?deep=1", 200), ("/", 404)])
def test_it_says_who_it_is_under_health_only(endpoint: Endpoint, path: str, status: int) -> None:
    connection = HTTPConnection("127.0.0.1", endpoint.server_address[1], timeout=10)
    try:
        for _ in range(2):  # the connection is kept
            connection.request("GET", path)
            answer = connection.getresponse()
            body = json.load(answer)
            assert answer.status == status
            assert (body == {"region": "eu-west", "status": "ok"}) == (status == 200)
    finally:
        connection.close()
