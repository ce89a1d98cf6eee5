import logging
import subprocess
import sys

import pytest

from baal.utils.log_configuration import get_logger, set_logger_config


@pytest.fixture
def baal_logger():
    logger = logging.getLogger("baal")
    kept = (logger.level, list(logger.handlers), logger.propagate)
    yield logger
    logger.setLevel(kept[0])
    logger.handlers[:] = kept[1]
    logger.propagate = kept[2]


def test_events_reach_the_standard_logger_as_one_line(caplog, baal_logger):
    baal_logger.propagate = True
    with caplog.at_level(logging.INFO, logger="baal"):
        get_logger().info("pool scored", n_pool=3, heuristic="bald")
        get_logger().debug("not shown")
    assert [record.getMessage() for record in caplog.records] == [
        "pool scored n_pool=3 heuristic='bald'"
    ]


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_silent_until_turned_on():
    done = run(
        "from baal.utils.log_configuration import get_logger\n"
        "get_logger().warning('pool is empty', n=0)"
    )
    assert done.stdout == ""
    assert done.stderr == ""


def test_set_logger_config_writes_to_standard_error_once():
    done = run(
        "from baal.utils.log_configuration import get_logger, set_logger_config\n"
        "set_logger_config(); set_logger_config()\n"
        "get_logger().info('pool scored', n=3)\n"
        "get_logger().debug('hidden')"
    )
    assert done.stdout == ""
    assert done.stderr.count("pool scored n=3") == 1
    assert "hidden" not in done.stderr


def test_the_level_can_be_changed(baal_logger):
    set_logger_config(logging.DEBUG)
    assert baal_logger.level == logging.DEBUG
    set_logger_config(logging.ERROR)
    assert baal_logger.level == logging.ERROR


def test_a_user_configuring_structlog_does_not_change_ours():
    done = run(
        "import structlog, logging, sys\n"
        "structlog.configure(processors=[structlog.processors.JSONRenderer()])\n"
        "logging.basicConfig(level='INFO', stream=sys.stderr, format='%(message)s')\n"
        "from baal.utils.log_configuration import get_logger\n"
        "get_logger().info('hello', a=1)"
    )
    assert done.stderr.strip() == "hello a=1"
