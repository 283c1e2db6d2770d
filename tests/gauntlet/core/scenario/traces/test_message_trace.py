"""Reading traces that describe messages."""

import json

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.traces import arrival_trace, message_trace
from gauntlet.core.scenario.traces.message_trace import Messages

CSV = """# Monday
offset_s,sender,conversation,size_bytes,text
0,ann,lunch,300,
0.5,bob,lunch,,"to you, too"

2,ann,work,,
"""


def test_a_csv_and_a_jsonl_file_describe_the_same_messages():
    trace = arrival_trace.parse(CSV, "t.csv")
    assert trace.column == "offset_s"
    assert trace.values == (0.0, 0.5, 2.0)
    assert trace.messages == Messages(
        "t.csv", (3, 4, 6), (300, 0, 0), (None, "to you, too", None), (0, 1, 0), (0, 0, 1)
    )
    rows = [
        {"offset_s": 0, "sender": "ann", "conversation": "lunch", "size_bytes": 300},
        {"offset_s": 0.5, "sender": "bob", "conversation": "lunch", "text": "to you, too"},
        {"offset_s": 2, "sender": "ann", "conversation": "work"},
    ]
    again = arrival_trace.parse("\n".join(json.dumps(row) for row in rows), "t.jsonl")
    assert again.values == trace.values
    assert again.messages[2:] == trace.messages[2:]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("offset_s,size_bytes\n", "t:1: the trace must have at least one row; got none"),
        ("offset_s,size\n1,2\n", "t:1: columns must be different ones of: offset_s, sender, "),
        ("sender,text\nann,hi\n", "t:1: the header must contain offset_s; got sender, text"),
        ("offset_s,size_bytes\n1,100,3\n", "t:2: a row must have 2 cells; got 3"),
        ("offset_s,size_bytes\n1,-5\n", "t:2: size_bytes must be a whole number from 1 to 65536"),
        ("offset_s,size_bytes\n1,nan\n", "size_bytes must be a whole number from 1 to 65536"),
        ("offset_s,size_bytes\n1,inf\n", "size_bytes must be a whole number from 1 to 65536"),
        ("offset_s,size_bytes\n1,65537\n", "from 1 to 65536; got '65537'"),
        ("offset_s,size_bytes\n1,1.5\n", "from 1 to 65536; got '1.5'"),
        ("offset_s,size_bytes\nnan,100\n", "t:2: offset_s must be a number of 0 or more"),
        ("offset_s,size_bytes\n2,100\n1,100\n", "t:3: offset_s must be a number of 2 or more, "),
        ("offset_s,size_bytes,text\n1,5,hi\n", "t:2: size_bytes must be empty where text is"),
        ("offset_s,sender\n1,ann\n2,\n", "t:3: sender must not be empty, because other rows"),
        ('offset_s,text\n1,"open\n', "the row must be valid CSV"),
        (f"offset_s,text\n1,{'x' * 65_437}\n", "text must be at most 65436 bytes long; got 65437"),
    ],
)
def test_an_error_in_csv_names_line_and_key(text, message):
    with pytest.raises(ConfigError) as caught:
        arrival_trace.parse(text, "t")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("secret", "t.jsonl:1: the line must be a JSON object"),
        ("[1]", "t.jsonl:1: the line must be a JSON object"),
        ('{"size_bytes": 3}', "t.jsonl:1: offset_s must be a number of 0 or more; got None"),
        ('{"offset_s": true}', "offset_s must be a number of 0 or more; got True"),
        ('{"offset_s": 1, "text": 7}', "text must be a string; got int"),
        ('{"offset_s": 1, "text": "\\ud800"}', "text must be valid Unicode"),
        ('{"offset_s": 1, "sender": [1]}', "sender must be a string; got [1]"),
        ('{"offset_s": 1, "size": 3}', "keys must be of: offset_s, sender, conversation"),
    ],
)
def test_an_error_in_jsonl_names_line_and_key(line, message):
    with pytest.raises(ConfigError) as caught:
        arrival_trace.parse(line, "t.jsonl")
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_message_that_a_system_cannot_carry_is_refused_with_its_line():
    sized = arrival_trace.parse("offset_s,size_bytes\n0,90\n1,300\n", "t").messages
    message_trace.check_bodies(sized, 300, None, "mine")
    with pytest.raises(ConfigError) as caught:
        message_trace.check_bodies(sized, 256, None, "mine")
    assert str(caught.value) == "t:3: size_bytes must be at most 256 (adapter 'mine'); got 300"
    texts = arrival_trace.parse("offset_s,text\n0,\n1,caf\u00e9\n", "t").messages
    message_trace.check_bodies(texts, 105, None, "mine")
    with pytest.raises(ConfigError, match="t:3: text must be at most 4 bytes long"):
        message_trace.check_bodies(texts, 104, None, "mine")
    with pytest.raises(ConfigError, match="t:3: text must consist of characters"):
        message_trace.check_bodies(texts, None, "abcdef", "mine")


def test_the_load_file_holds_sizes_and_never_texts_or_names(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("offset_s,sender,size_bytes\n0,ann,200\n1,bob,300\n")
    sized = arrival_trace.read(file)
    plain = json.loads(json.dumps(arrival_trace.to_builtins(sized)))
    assert arrival_trace.from_builtins(plain) == sized
    assert "ann" not in str(plain)
    file.write_text("offset_s,text\n0,planted\n")
    private = arrival_trace.read(file)
    plain = json.loads(json.dumps(arrival_trace.to_builtins(private)))
    assert "planted" not in str(plain)
    assert arrival_trace.from_builtins(plain) == private
    file.write_text("offset_s,text\n0,another\n")
    with pytest.raises(ConfigError, match="must be the same file on every host"):
        arrival_trace.from_builtins(plain)


def test_a_file_of_a_million_lines_is_refused_without_reading_it_to_the_end():
    lines = "offset_s,size_bytes\n" + "0,1\n" * 1_000_000
    with pytest.raises(ConfigError, match="t:200002: the trace must have at most 200,000 rows"):
        arrival_trace.parse(lines, "t")
