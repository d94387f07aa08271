"""Long documents in passages."""

from __future__ import annotations

from motherlode.workflows.documents import Document, estimated_tokens, split_into_passages


def passages(text: str, max_tokens: int, title: str = "") -> list[Document]:
    return list(split_into_passages(Document("d", title, text, "here"), max_tokens))


def test_a_short_document_stays_whole_under_its_own_id() -> None:
    document = Document("d", "t", "a few words")
    assert list(split_into_passages(document, 100)) == [document]
    assert [p.id for p in split_into_passages(Document("d", "", "word " * 999), 0)] == ["d"]


def test_estimates_count_words_pieces_and_signs() -> None:
    assert estimated_tokens("two words") == 2
    assert estimated_tokens("f(x)!") == 5
    assert estimated_tokens("internationalization") == 4  # 20 characters, six a piece
    assert estimated_tokens("日本語") == 3
    assert estimated_tokens("") == 0


def test_passages_are_cut_at_paragraphs_and_numbered_from_one() -> None:
    first, second, third = ("one " * 12).strip(), ("two " * 12).strip(), ("three " * 12).strip()
    found = passages(f"{first}\n\n{second}\n\n{third}", 26)
    assert [(p.id, p.text) for p in found] == [("d#1", f"{first}\n\n{second}"), ("d#2", third)]
    assert {p.source for p in found} == {"here"}


def test_a_long_paragraph_is_cut_at_sentences_then_words() -> None:
    sentences = [f"Sentence number {i} is here." for i in range(9)]  # 7 tokens each
    found = passages(" ".join(sentences), 21)
    assert [p.text for p in found] == [" ".join(sentences[i : i + 3]) for i in (0, 3, 6)]
    words = passages("word " * 50, 20)
    assert [estimated_tokens(p.text) for p in words] == [20, 20, 10]


def test_every_passage_keeps_the_title_and_leaves_room_for_it() -> None:
    found = passages("word " * 100, 30, title="four words of title")
    assert all(p.title == "four words of title" for p in found)
    assert all(estimated_tokens(p.text_to_encode) <= 30 for p in found)


def test_no_word_is_lost_or_told_twice() -> None:
    text = "\n\n".join(" ".join(f"w{i}x{j}." for j in range(i * 7 % 90)) for i in range(30))
    joined = " ".join(p.text for p in passages(text, 40))
    assert joined.split() == text.split()


def test_a_text_without_spaces_is_cut_where_it_must_be() -> None:
    text = "語" * 1000
    found = passages(text, 100)
    assert "".join(p.text for p in found).replace(" ", "") == text
    assert all(estimated_tokens(p.text) <= 100 for p in found)
