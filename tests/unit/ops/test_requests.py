"""Answers of a public URL as servers and what stands before them send them."""

import socket
import threading

import pytest

from ops.health import requests


def answer(content: bytes) -> requests.Response:
    """Send a request to a server that answers with this and closes the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(content)

        server = threading.Thread(target=serve)
        server.start()
        response = requests.send(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        server.join(10)
    return response


@pytest.mark.parametrize("status", ["200 OK", "502 Bad Gateway"])
def test_an_answer_that_is_cut_off_is_no_response(status: str) -> None:
    """https://github.com/urllib3/urllib3/issues/311"""
    response = answer(f"HTTP/1.1 {status}\r\nContent-Length: 100\r\n\r\n{{".encode())

    assert response.status == 0
    assert "no response: IncompleteRead" in response.body


@pytest.mark.parametrize("date", ["0", "Tue, 99 Foo 2026 25:61:61 GMT", "now", ""])
def test_a_date_that_is_none_is_not_used(date: str) -> None:
    """https://github.com/jcgregorio/httplib2/issues/52"""
    response = answer(f"HTTP/1.1 500 Oops\r\nDate: {date}\r\nContent-Length: 2\r\n\r\nno".encode())

    assert response.status == 500
    assert response.answered > 1.7e9
