"""Keys, endpoint and region come from the environment first, then from the profile files."""

from pathlib import Path

import pytest

from lake.remote.errors import RemoteError
from lake.remote.settings import Access, publisher, read_access

R2 = "https://0123456789abcdef.r2.cloudflarestorage.com"


@pytest.fixture
def profiles(tmp_path: Path) -> dict[str, str]:
    """An environment that has the files only."""
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = one\naws_secret_access_key = first\n"
        "[r2]\naws_access_key_id = two\naws_secret_access_key = se%cond\naws_session_token = token\n"
    )
    (tmp_path / "config").write_text(f"[default]\nregion = eu-west-1\n[profile r2]\nendpoint_url = {R2}/\n")
    return {
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
    }


def test_the_default_profile_is_aws_in_its_region(profiles: dict[str, str]) -> None:
    access = read_access(profiles)
    assert access == Access(None, "eu-west-1", "one", "first")
    assert access.address == "https://s3.eu-west-1.amazonaws.com"


def test_a_profile_may_name_the_endpoint_and_r2_is_always_of_the_region_auto(profiles: dict[str, str]) -> None:
    access = read_access({**profiles, "AWS_PROFILE": "r2", "AWS_REGION": "eu-west-1"})
    assert access == Access(R2, "auto", "two", "se%cond", "token")


@pytest.mark.parametrize("variable", ["KDGAT_S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])
def test_the_environment_goes_before_the_files(profiles: dict[str, str], variable: str) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "mine", "AWS_SECRET_ACCESS_KEY": "own"}
    access = read_access({**profiles, "AWS_PROFILE": "r2", **keys, variable: "http://127.0.0.1:9000"})
    assert access == Access("http://127.0.0.1:9000", "auto", "mine", "own")


def test_our_own_variable_goes_before_the_usual_ones(profiles: dict[str, str]) -> None:
    both = {"AWS_ENDPOINT_URL": "http://other", "KDGAT_S3_ENDPOINT": R2}
    assert read_access({**profiles, **both}).endpoint == R2


def test_secrets_are_not_printed(profiles: dict[str, str]) -> None:
    printed = repr(read_access({**profiles, "AWS_PROFILE": "r2"}))
    assert not {"two", "se%cond", "token"} & set(printed.replace("'", " ").split())
    assert "secret" not in printed


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"AWS_PROFILE": "absent"}, r"no keys for the bucket: .* a profile 'absent' with both"),
        ({"AWS_ACCESS_KEY_ID": "mine"}, r"AWS_SECRET_ACCESS_KEY is not set, the other half of the pair is"),
        ({"KDGAT_S3_ENDPOINT": "minio.lab:9000"}, r"the endpoint 'minio.lab:9000' is no address"),
        ({"KDGAT_S3_ENDPOINT": "http://127.0.0.1:99999"}, r"the endpoint 'http://127\.0\.0\.1:99999' is no address"),
        ({"KDGAT_S3_ENDPOINT": "http://minio.lab:nine"}, r"is no address: it is https://HOST or .* from 1 to 65535"),
        ({"KDGAT_S3_ENDPOINT": "http://:9000"}, r"the endpoint 'http://:9000' is no address"),
        ({"KDGAT_S3_ENDPOINT": "http://[::1"}, r"the endpoint 'http://\[::1' is no address"),
    ],
)
def test_what_is_missing_is_said(profiles: dict[str, str], changes: dict[str, str], said: str) -> None:
    with pytest.raises(RemoteError, match=said):
        read_access({**profiles, **changes})


def test_a_broken_profile_file_is_named_and_no_line_of_it_shown(profiles: dict[str, str]) -> None:
    path = Path(profiles["AWS_SHARED_CREDENTIALS_FILE"])
    path.write_text("aws_secret_access_key = hush\n")
    with pytest.raises(RemoteError, match=f"{path} cannot be read as a profile file") as caught:
        read_access(profiles)
    assert "hush" not in str(caught.value)


def test_a_publisher_may_choose_a_name() -> None:
    assert publisher({"KDGAT_PUBLISHER": "Anna"}) == "Anna"
    assert "@" in publisher({})
