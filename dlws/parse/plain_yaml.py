"""YAML of which nothing is known before it is read: one kind of error, whatever is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml


class NoTwins(yaml.SafeLoader):
    """Refuses a mapping with a key that is there twice, where PyYAML keeps the last: a `-` may be missing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """See `yaml.SafeLoader`."""
        written: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in written:
                raise yaml.constructor.ConstructorError(problem=f"{key.value} twice", problem_mark=key.start_mark)
            written.add(key.value)
        return super().construct_mapping(node, deep)


def load(text: str, loader: type[yaml.SafeLoader] = yaml.SafeLoader) -> Any:
    """The one document. Raises YAMLError, also where PyYAML raises another: for 2027-02-30, or a thousand `[`."""
    with _one_kind_of_error():
        return yaml.load(text, loader)


def load_all(text: str, loader: type[Any] = yaml.SafeLoader) -> list[Any]:
    """All documents, as `load`; by libyaml with its loader."""
    with _one_kind_of_error():
        return list(yaml.load_all(text, loader))


@contextmanager
def _one_kind_of_error() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise yaml.YAMLError(str(error)) from error
    except (AttributeError, LookupError) as error:  # of `!!timestamp x`, `!!bool x`
        raise yaml.YAMLError("a value that its tag does not fit") from error
    except RecursionError:
        raise yaml.YAMLError("nested too deeply") from None
