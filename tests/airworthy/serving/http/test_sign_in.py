"""A browser signs in to the documents with the token; the session opens nothing else, the token stays hidden."""

from __future__ import annotations

import httpx
import pytest
from serving_parts import PREDICT, TOKEN, error_of, instance
from tests.system.browser import a_page

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def browser(served: httpx.Client) -> httpx.Client:
    """Without the token in its headers."""
    return httpx.Client(base_url=served.base_url, headers=BROWSER)


def sign_in(browser: httpx.Client, token: str = TOKEN, **fields: str) -> httpx.Response:
    return browser.post("/docs", data={"token": token, **fields})


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
def test_a_browser_without_credentials_gets_a_form(browser: httpx.Client, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert '<form method="post" action="/docs">' in answer.text
    assert f'name="target" value="{path}"' in answer.text


@pytest.mark.parametrize("path", ["/metrics", "/v1/models", "/", "/docs/more", PREDICT])
def test_elsewhere_a_browser_gets_what_programs_get(browser: httpx.Client, path: str) -> None:
    assert error_of(browser.get(path), 401)["code"] == "no_token"


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
def test_the_token_opens_the_document_that_was_asked_for(browser: httpx.Client, path: str) -> None:
    answer = sign_in(browser, target=path)
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    assert browser.get(path).status_code == 200


def test_a_session_opens_the_documents_and_nothing_else(browser: httpx.Client) -> None:
    cookie = sign_in(browser).headers["set-cookie"].split(";")[0]
    by_hand = {"Cookie": cookie}
    assert browser.get("/openapi.json", headers=by_hand).status_code == 200
    for path in ("/metrics", "/v1/models", "/v1/models/flight_delays"):
        assert error_of(browser.get(path, headers=by_hand), 401)["code"] == "no_token"
    predict = browser.post(PREDICT, json={"instances": [instance("a")]}, headers=by_hand)
    assert error_of(predict, 401)["code"] == "no_token"
    assert browser.delete("/docs", headers=by_hand).status_code == 401


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites_and_says_no_token(browser: httpx.Client) -> None:
    answer = sign_in(browser)
    cookies = answer.headers.get_list("set-cookie")
    assert [next(part for part in each.split("; ") if part.startswith("Path")) for each in cookies] == [
        "Path=/docs",
        "Path=/openapi.json",
    ]
    for each in cookies:
        assert {"HttpOnly", "SameSite=Strict"} <= set(each.split("; "))
        assert "Max-Age" not in each and "Expires" not in each
    assert TOKEN not in str(answer.headers) + answer.text


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", TOKEN[:-1], "ü", "\x00"])
def test_another_token_gets_the_form_again_and_no_cookie(browser: httpx.Client, token: str) -> None:
    answer = sign_in(browser, token)
    assert answer.status_code == 401
    assert "is not this service" in answer.text
    assert "set-cookie" not in answer.headers
    assert browser.get("/docs").status_code == 401


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"token", b"&" * 1000, b"token=" + b"%ff" * 20])
def test_whatever_is_posted_it_is_judged(browser: httpx.Client, body: bytes) -> None:
    assert browser.post("/docs", content=body).status_code == 401


def test_a_form_of_megabytes_is_not_read(browser: httpx.Client) -> None:
    assert error_of(browser.post("/docs", content=b"token=" + b"x" * 10_000), 413)["code"] == "too_large"


@pytest.mark.parametrize("target", ["https://elsewhere.example/", "//elsewhere.example", "/metrics", "/docs\r\nx: y"])
def test_nobody_is_sent_elsewhere(browser: httpx.Client, target: str) -> None:
    assert sign_in(browser, target=target).headers["location"] == "/docs"


def test_programs_need_no_form(served: httpx.Client) -> None:
    assert served.get("/docs").status_code == 200
    assert served.get("/openapi.json").json()["info"]["title"] == "Airworthy"


@pytest.mark.slow
def test_a_person_signs_in_with_a_real_browser(served: httpx.Client) -> None:
    """Headless Chromium: the form, the wrong token, the right one, both documents, and nothing refused on the way."""
    with a_page() as page:
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        assert page.goto(f"{served.base_url}/docs").status == 401
        for token in ("wrong", TOKEN):
            page.get_by_label("Token").fill(token)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_load_state()
            shown = page.locator("body").inner_text()
            assert ("That is not this service's token." in shown) == (token == "wrong")
        assert "/v1/models/{name}:predict" in shown
        page.get_by_role("link", name="openapi.json").click()
        assert '"openapi":' in page.locator("body").inner_text()
        assert page.goto(f"{served.base_url}/v1/models").status == 401
        assert [each for each in said if "401" not in each] == []  # a style that the policy refused would be here
