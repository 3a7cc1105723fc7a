"""kernel_info: what a kernel says about itself, on both channels that may ask."""

import pytest

ASKED_ON = ["shell", "control"]


@pytest.mark.feature("kernel_info on shell and control")
@pytest.mark.parametrize("channel", ASKED_ON)
def test_it_says_what_it_is(client, channel):
    info = client.ask("kernel_info_request", channel=channel)
    assert info["status"] == "ok"
    assert info["implementation"] and info["implementation_version"] and info["banner"]
    assert info["language_info"]["name"].lower() == "rust"
    assert info["language_info"]["file_extension"] == ".rs"
    assert info["language_info"]["mimetype"]


@pytest.mark.feature("language version and lexer are named")
def test_it_names_the_language_version_and_lexer(client):
    language = client.ask("kernel_info_request")["language_info"]
    assert language["version"].strip(), "language_info has an empty version"
    assert language.get("pygments_lexer") == "rust", f"language_info has no pygments_lexer: {sorted(language)}"


@pytest.mark.feature("protocol version 5.5 or newer")
def test_it_speaks_a_protocol_of_today(client):
    version = client.ask("kernel_info_request")["protocol_version"]
    assert tuple(map(int, version.split("."))) >= (5, 5), f"it declares {version}"


@pytest.mark.own
def test_both_channels_say_the_same(client):
    shell, control = (client.ask("kernel_info_request", channel=channel) for channel in ASKED_ON)
    assert shell == control


@pytest.mark.feature("supported_features")
def test_it_says_what_it_can_do(client):
    features = client.ask("kernel_info_request").get("supported_features")
    assert features, "kernel_info_reply has no supported_features"
    assert "debugger" not in features
