"""Who and what is blamed: the axes mechanism, component and no rival root."""

from dataclasses import dataclass

from evaluation.language.headings import SectionRole
from evaluation.language.sentences import Sentence
from evaluation.scoring.mentions import Mention, Stance, first, is_alternative, mentions
from evaluation.scoring.result import Opinion, Outcome
from evaluation.scoring.rivals import is_asserted_cause, rival_sentence
from evaluation.scoring.statements import Statement
from evaluation.scoring.values import value_opinion
from evaluation.scoring.vocabulary import CHANGED, CONFIGURATION, SYMPTOM, Vocabulary, is_of_resource_itself


@dataclass(frozen=True)
class Blame:
    """The opinions of one part of an answer on the axes of this module."""

    mechanism: Opinion
    component: Opinion
    no_rival_root: Opinion


def blame(statements: tuple[Statement, ...], words: Vocabulary) -> Blame:
    """Read from statements what they call the cause."""
    rivals = {
        id(statement): rival for statement in statements if (rival := rival_sentence(statement, words)) is not None
    }
    mechanism = _mechanism(statements, words, rivals)
    return Blame(mechanism, _component(statements, words, mechanism, rivals), _no_rival_root(statements, rivals))


def _mechanism(statements: tuple[Statement, ...], words: Vocabulary, rivals: dict[int, Sentence]) -> Opinion:
    of_variable = mentions(statements, words.variable.finditer, words)
    roots = [statement for statement in statements if statement.role is SectionRole.ROOT]
    changes = [statement for statement in roots if statement.change and words.variable.search(statement.change.what)]
    blamed = first(of_variable, Stance.ROOT)
    denied = first(of_variable, Stance.DENIED)
    if blamed and denied:
        return Opinion(Outcome.UNDECIDED, denied.sentence.text, "the variable is named as the cause and denied", True)
    if blamed or changes:
        return value_opinion(of_variable, changes, words)
    if denied:
        return Opinion(Outcome.MISS, denied.sentence.text, "the variable is said not to be the cause", True)
    if suspect := first(of_variable, Stance.SUSPECT):
        if suspect.statement.is_alternative or is_alternative(suspect.sentence, words):
            return Opinion(Outcome.MISS, suspect.sentence.text, "the variable is one of several suspects")
        return Opinion(Outcome.UNDECIDED, suspect.sentence.text, "the variable is only suspected")
    if hedged := first(of_variable, Stance.HEDGED):
        return Opinion(Outcome.UNDECIDED, hedged.sentence.text, "the variable is named with reservation")
    for statement in roots:
        for sentence in statement.sentences:
            if id(statement) not in rivals and _asserts_cause(sentence):
                if not rivals and any(_says_changed(mention) for mention in of_variable):
                    return value_opinion(of_variable, changes, words)  # the sentences around it say which configuration
                return Opinion(Outcome.UNDECIDED, sentence.text, "a change of configuration, without the variable")
    if lesser := first(of_variable, Stance.LESSER):
        return Opinion(Outcome.MISS, lesser.sentence.text, "the variable is named, but not as the root cause")
    if (context := first(of_variable, Stance.CONTEXT, Stance.EFFECT)) and not rivals:
        return Opinion(Outcome.UNDECIDED, context.sentence.text, "the variable is named, but not said to be the cause")
    return Opinion(Outcome.MISS, None, "the variable is not named as the cause", bool(rivals))


def _says_changed(mention: Mention) -> bool:
    return mention.stance is Stance.CONTEXT and CHANGED.search(mention.sentence.text) is not None


def _component(
    statements: tuple[Statement, ...], words: Vocabulary, mechanism: Opinion, rivals: dict[int, Sentence]
) -> Opinion:
    of_resource = mentions(statements, words.components_in, words)
    roots = [statement for statement in statements if statement.role is SectionRole.ROOT]
    listed = [statement for statement in roots if any(words.component.search(name) for name in statement.resources)]
    denied = next(
        (
            mention
            for mention in of_resource
            if mention.stance is Stance.DENIED and is_of_resource_itself(mention.sentence.text, mention.match)
        ),
        None,
    )
    if mechanism.outcome is Outcome.HIT:
        named = first(of_resource, Stance.ROOT, Stance.EFFECT, Stance.CONTEXT, Stance.LESSER)
        if named:
            return Opinion(Outcome.HIT, named.sentence.text, "the resource is named with the variable", True)
        if listed:
            return Opinion(Outcome.HIT, _text(listed[0]), "the resource is listed with the cause")
        if mechanism.sentence and words.other_resources.search(mechanism.sentence):
            return Opinion(Outcome.MISS, mechanism.sentence, "the variable is named as another resource's")
        return Opinion(Outcome.UNDECIDED, mechanism.sentence, "the variable is named, but not whose it is")
    blamed = next((mention for mention in of_resource if _is_blamed(mention, rivals)), None)
    if blamed and denied:
        return Opinion(Outcome.UNDECIDED, denied.sentence.text, "the resource is named as the cause and denied", True)
    if blamed:
        return Opinion(Outcome.HIT, blamed.sentence.text, "the resource is named as the cause", True)
    if denied and not listed:
        return Opinion(Outcome.MISS, denied.sentence.text, "the resource is said not to be the cause", True)
    if listed:
        if len(listed[0].resources) == 1:
            return Opinion(Outcome.HIT, _text(listed[0]), "the resource is the only one listed with the cause")
        return Opinion(Outcome.UNDECIDED, _text(listed[0]), "the resource is one of several listed with the cause")
    if suspect := first(of_resource, Stance.SUSPECT):
        if suspect.statement.is_alternative or is_alternative(suspect.sentence, words):
            return Opinion(Outcome.MISS, suspect.sentence.text, "the resource is one of several suspects")
        return Opinion(Outcome.UNDECIDED, suspect.sentence.text, "the resource is only suspected")
    if hedged := first(of_resource, Stance.HEDGED):
        return Opinion(Outcome.UNDECIDED, hedged.sentence.text, "the resource is named with reservation")
    failing = next(
        (
            mention
            for mention in of_resource
            if mention.stance is Stance.CONTEXT and SYMPTOM.search(mention.sentence.text, mention.match.end())
        ),
        None,
    )
    if failing and not roots:
        return Opinion(Outcome.HIT, failing.sentence.text, "the resource is said to be what does not work")
    if mechanism.outcome is Outcome.UNDECIDED and first(of_resource, Stance.CONTEXT, Stance.EFFECT):
        return Opinion(Outcome.UNDECIDED, mechanism.sentence, "the resource is named, but not said to be the cause")
    return Opinion(Outcome.MISS, None, "the resource is not named as the cause", bool(rivals))


def _is_blamed(mention: Mention, rivals: dict[int, Sentence]) -> bool:
    """In a statement that blames something else, only the sentence that does so counts."""
    if mention.stance is not Stance.ROOT or not mention.is_deepest:
        return False
    rival = rivals.get(id(mention.statement))
    return rival is None or rival is mention.sentence


def _no_rival_root(statements: tuple[Statement, ...], rivals: dict[int, Sentence]) -> Opinion:
    if rivals:
        sentence = next(iter(rivals.values()))
        return Opinion(Outcome.MISS, sentence.text, "another root cause is named", True)
    root = next((statement for statement in statements if statement.role is SectionRole.ROOT), None)
    return Opinion(Outcome.HIT, _text(root) if root else None, "no other root cause is named")


def _text(statement: Statement) -> str | None:
    return statement.sentences[0].text if statement.sentences else None


def _asserts_cause(sentence: Sentence) -> bool:
    return any(is_asserted_cause(sentence, match) for match in CONFIGURATION.finditer(sentence.text))
