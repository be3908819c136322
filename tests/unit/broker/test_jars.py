"""The cache of jars: complete and checked whatever the network, the disk or other starts do."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from opendt_streams.broker.download import repository_url
from opendt_streams.broker.jars import cache_folder, cached_jars, kafka_class_path
from opendt_streams.broker.lock import KafkaLock
from opendt_streams.errors import BadConfiguration, Unavailable

from .maven import MavenRepository, made_up_lock

LOCK, CONTENT = made_up_lock()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def maven() -> Iterator[MavenRepository]:
    with MavenRepository(dict(CONTENT)).served() as repository:
        yield repository


def fetch(maven: MavenRepository, folder: Path, lock: KafkaLock = LOCK) -> tuple[Path, ...]:
    return cached_jars(lock, folder, quiet=True, environ={"OPENDT_MAVEN_REPOSITORY": maven.url + "/"})


def test_everything_is_fetched_once(maven: MavenRepository, tmp_path: Path) -> None:
    first = fetch(maven, tmp_path / "cache")
    assert [path.read_bytes() for path in first] == list(CONTENT.values())
    assert fetch(maven, tmp_path / "cache") == first
    assert set(maven.asked.values()) == {1}


@pytest.mark.parametrize("damage", ["gone", "cut", "one byte"])
def test_a_damaged_jar_is_fetched_again_and_only_that(maven: MavenRepository, tmp_path: Path, damage: str) -> None:
    path = fetch(maven, tmp_path)[2]
    whole = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(whole[:-1])
    else:
        path.write_bytes(b"X" + whole[1:])
    assert fetch(maven, tmp_path)[2].read_bytes() == whole
    assert sorted(maven.asked.values()) == [1, 1, 1, 1, 1, 2]


def test_starts_at_the_same_time_share_one_download(maven: MavenRepository, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: fetch(maven, tmp_path), range(8)))
    assert len(set(results)) == 1
    assert set(maven.asked.values()) == {1}


def test_a_download_that_breaks_off_is_tried_again(maven: MavenRepository, tmp_path: Path) -> None:
    broken = LOCK.jars[1]
    maven.break_off[broken.path] = 1
    assert fetch(maven, tmp_path)[1].read_bytes() == CONTENT[broken.path]
    assert maven.asked[broken.path] == 2


def test_other_content_than_recorded_is_refused(maven: MavenRepository, tmp_path: Path) -> None:
    bad = LOCK.jars[3]
    maven.content[bad.path] = b"something else"
    with pytest.raises(Unavailable, match=rf"serves part3-1.0.jar with sha256 .*expected {bad.sha256}.*KAFKA_HOME"):
        fetch(maven, tmp_path)
    assert not (tmp_path / bad.filename).exists()
    assert not list(tmp_path.glob("*.part"))


def test_a_missing_jar_is_named(maven: MavenRepository, tmp_path: Path) -> None:
    del maven.content[LOCK.jars[0].path]
    with pytest.raises(Unavailable, match=r"answered 404 for part0-1.0.jar.*OPENDT_MAVEN_REPOSITORY"):
        fetch(maven, tmp_path)


def test_no_registry_is_one_sentence_with_the_ways_out(tmp_path: Path) -> None:
    environ = {"OPENDT_MAVEN_REPOSITORY": "http://user:secret@127.0.0.1:1/maven"}
    with pytest.raises(Unavailable, match=r"no connection.*HTTPS_PROXY.*KAFKA_HOME.*--broker") as caught:
        cached_jars(LOCK, tmp_path, quiet=True, environ=environ)
    assert "secret" not in str(caught.value)


def test_leftovers_of_a_killed_download_go(maven: MavenRepository, tmp_path: Path) -> None:
    (tmp_path / "part0-1.0.jar.abc.part").write_bytes(b"half")
    fetch(maven, tmp_path)
    assert not list(tmp_path.glob("*.part"))


def test_a_cache_that_cannot_be_written_is_said(maven: MavenRepository, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="OPENDT_CACHE_DIR"):
        fetch(maven, tmp_path / "file" / "cache")


def test_the_progress_bar_is_silent_without_a_terminal(maven: MavenRepository, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    cached_jars(LOCK, tmp_path, quiet=False, environ={"OPENDT_MAVEN_REPOSITORY": maven.url})
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("address", ["ftp://host/maven", "maven", "https://"])
def test_a_mirror_must_be_an_http_address(address: str) -> None:
    with pytest.raises(BadConfiguration, match="OPENDT_MAVEN_REPOSITORY"):
        repository_url({"OPENDT_MAVEN_REPOSITORY": address})


def test_without_a_mirror_it_is_maven_central() -> None:
    assert repository_url({}).startswith("https://")


def test_the_cache_folder_can_be_chosen(tmp_path: Path) -> None:
    assert cache_folder({"OPENDT_CACHE_DIR": str(tmp_path)}) == tmp_path
    assert cache_folder({}).name == "opendt-streams"


def test_an_installation_is_used_as_it_is(tmp_path: Path) -> None:
    libs = tmp_path / "libs"
    libs.mkdir()
    for name in ("kafka_2.13-4.1.0.jar", "kafka-clients-4.1.0.jar"):
        (libs / name).touch()
    found = kafka_class_path(environ={"KAFKA_HOME": str(tmp_path)})
    assert sorted(path.name for path in found) == ["kafka-clients-4.1.0.jar", "kafka_2.13-4.1.0.jar"]


@pytest.mark.parametrize(("jar", "words"), [(None, "no Kafka installation"), ("kafka_2.13-3.9.1.jar", "too old")])
def test_an_unfit_installation_is_refused(tmp_path: Path, jar: str | None, words: str) -> None:
    (tmp_path / "libs").mkdir()
    if jar:
        (tmp_path / "libs" / jar).touch()
    with pytest.raises(Unavailable, match=words):
        kafka_class_path(environ={"KAFKA_HOME": str(tmp_path)})
