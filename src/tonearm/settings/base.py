"""What all sections of settings have in common."""

from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError


class Settings(BaseModel):
    """Base of all sections: frozen, unknown keys refused, defaults checked as well, and no type taken for another."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @field_validator("*", mode="before")
    @classmethod
    def _as_written(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse "10" and true for a number, and 1 and "yes" for true, which pydantic would take."""
        if not _is_as_written(cls.model_fields[str(info.field_name)].annotation, value):
            raise PydanticCustomError("wrong_type", "is of another type")
        return value


def _is_as_written(annotation: Any, value: Any) -> bool:
    """Whether a plain value, or each in a list, is of a plain type that the annotation names, if it names only such."""
    arguments = [part for part in get_args(annotation) if part is not NoneType]
    if get_origin(annotation) is tuple and isinstance(value, list | tuple):
        return all(_is_as_written(arguments[0], part) for part in value)
    if get_origin(annotation) is Annotated:
        return _is_as_written(arguments[0], value)
    kinds = set(arguments) if get_origin(annotation) in (Union, UnionType) else {annotation}
    if not kinds <= {bool, int, float} or type(value) not in (bool, int, float, str):
        return True
    numbers = {int, float}
    return type(value) in kinds or (type(value) in numbers and bool(kinds & numbers))
