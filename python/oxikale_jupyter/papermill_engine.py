"""Teaches papermill to write parameters in Rust.

Papermill imports this module when it is imported itself, through the entry point `papermill.engine`; then every engine
and every notebook in Rust has it. Import papermill, not this module.
"""

from contextvars import ContextVar

from papermill.engines import papermill_engines
from papermill.exceptions import PapermillException
from papermill.log import logger
from papermill.models import Parameter
from papermill.translators import Translator, papermill_translators

from . import injected_cell
from .parameters_cell import declarations
from .problem import ParameterProblem
from .rust_values import written

# The text of the cell with the defaults of the notebook that is being parameterised. A translator is given the values
# alone; the engine is asked for the language of the notebook right before, and is given all of it.
_defaults = ContextVar("oxikale_defaults", default="")

# Front ends write the language's name both ways.
_LANGUAGES = ("rust", "Rust")


class RustTranslator(Translator):
    """Writes values of Python's in Rust."""

    @classmethod
    def translate(cls, val):
        return written(val)

    @classmethod
    def comment(cls, cmt_str):
        return "\n".join(injected_cell.comment_lines(cmt_str))

    @classmethod
    def assign(cls, name, str_val):
        return f"let {injected_cell.rust_name(name)} = {str_val};"

    @classmethod
    def codify(cls, parameters, comment="Parameters"):
        defaults = _defaults.get()
        _defaults.set("")
        try:
            declared = declarations(defaults)
        except ParameterProblem as problem:
            raise PapermillException(f"the cell tagged `parameters` cannot be read: {problem}") from problem
        try:
            return injected_cell.cell(parameters, declared, comment)
        except ParameterProblem as problem:
            raise PapermillException(str(problem)) from problem

    @classmethod
    def inspect(cls, parameters_cell):
        try:
            found = declarations(parameters_cell.source)
        except ParameterProblem as problem:
            logger.warning("The cell tagged `parameters` cannot be read: %s", problem)
            return []
        return [
            Parameter(
                name=declaration.name,
                inferred_type_name=declaration.type_name() or "None",
                default=declaration.default,
                help=declaration.help,
            )
            for declaration in found.values()
        ]


def _noting_defaults(engine):
    """The same engine, which tells the translator of the notebook that is being parameterised."""

    class NotingDefaults(engine):
        @classmethod
        def nb_language(cls, nb, language=None):
            language = super().nb_language(nb, language)
            if language in _LANGUAGES:
                _defaults.set(_defaults_of(nb))
            return language

    NotingDefaults.__name__ = engine.__name__
    NotingDefaults.__qualname__ = engine.__qualname__
    NotingDefaults.__doc__ = engine.__doc__
    return NotingDefaults


def _defaults_of(nb):
    tagged = [cell for cell in nb.cells if "parameters" in cell.metadata.get("tags", [])]
    if not tagged and any("pipeline-parameters" in cell.metadata.get("tags", []) for cell in nb.cells):
        logger.warning(
            "The parameters of this notebook are tagged `pipeline-parameters`; papermill knows the tag `parameters` "
            "only, and puts the values where that cell sets them anew. Give the cell both tags."
        )
    return tagged[0].source if tagged else ""


# The engine that papermill uses where none is named, and under its own name.
OxikaleEngine = _noting_defaults(papermill_engines.get_engine(None))
for _name in (None, "nbclient"):
    papermill_engines.register(_name, OxikaleEngine)
for _language in _LANGUAGES:
    papermill_translators.register(_language, RustTranslator)
