//! What we know of a type: its names, the shape that C gives its instances, and what its classes say about attributes.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::rc::Rc;

use pyo3::ffi;

use super::data::{entries, find, text, tuple_items, tuple_size};
use super::native::{
    Any, bases_in_order, class_dict, class_of, flags, is_a, is_dict, is_exactly, is_native, is_plain_text, is_text,
    native_attribute, native_module, read_descriptor, take,
};

/// The longest name of a type or module that is shown.
const NAME: usize = 200;
/// The most attributes of one class that are looked at.
const CLASS_ATTRIBUTES: usize = 10_000;

/// How a value is rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    None,
    /// `Ellipsis`, `NotImplemented`.
    Single,
    Bool,
    Int,
    Float,
    Complex,
    Text,
    Bytes,
    ByteArray,
    MemoryView,
    List,
    Tuple,
    NamedTuple,
    Dict,
    Set,
    Deque,
    Array,
    Range,
    Slice,
    Class,
    Module,
    Function,
    Method,
    /// A function or descriptor that C code defines.
    Builtin,
    Code,
    Frame,
    Traceback,
    Generator,
    Exception,
    Cell,
    MappingProxy,
    DateTime,
    Date,
    Time,
    TimeDelta,
    TimeZone,
    Decimal,
    Pattern,
    NdArray,
    Enum,
    Fraction,
    Uuid,
    Path,
    Dataclass,
    Object,
}

/// What a value has as numbered children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Items {
    None,
    List,
    Tuple,
    Dict,
    Set,
    /// A sequence written in C that is read by its own slots.
    Sequence,
}

/// A type.
#[derive(Debug)]
pub(super) struct Facts<'py> {
    /// The type.
    pub(super) class: Any<'py>,
    /// Its name.
    pub(super) name: String,
    /// Its qualified name.
    pub(super) qualified: String,
    /// Its module; empty if it is not known.
    pub(super) module: String,
    /// How instances are rendered.
    pub(super) kind: Kind,
    /// What their numbered children are.
    pub(super) items: Items,
    /// The type written in C that its instances are laid out by.
    pub(super) base: Any<'py>,
    /// Names of the fields of a named tuple or dataclass.
    pub(super) fields: Vec<String>,
    order: Vec<Any<'py>>,
    attributes: OnceCell<ClassAttributes<'py>>,
}

/// What a type's classes say about the attributes of its instances.
#[derive(Debug, Default)]
pub(super) struct ClassAttributes<'py> {
    /// Members that C code can read at once: `__slots__`, fields of structures.
    pub(super) members: Vec<(String, Any<'py>)>,
    /// Names that need code to be read: properties and getters.
    pub(super) lazy: Vec<String>,
    /// Whether there are attributes of the classes themselves to show.
    pub(super) has_own: bool,
}

/// The types seen during one request. Nothing runs during it that could change them.
#[derive(Debug, Default)]
pub(super) struct Types<'py> {
    known: HashMap<usize, Rc<Facts<'py>>>,
}

impl<'py> Types<'py> {
    /// The facts about the type of `value`.
    pub(super) fn of(&mut self, value: &Any<'py>) -> Rc<Facts<'py>> {
        let class = class_of(value);
        self.known.entry(class.as_ptr().addr()).or_insert_with(|| Rc::new(Facts::new(class))).clone()
    }
}

impl<'py> Facts<'py> {
    fn new(class: Any<'py>) -> Self {
        let order = bases_in_order(&class);
        let base = order.iter().find(|it| is_native(it)).unwrap_or(&class).clone();
        let (items, kind) = by_layout(&class, &base);
        let mut facts = Self {
            name: type_name(&class),
            qualified: qualified_name(&class),
            module: module_name(&class),
            kind,
            items,
            base,
            fields: Vec::new(),
            order,
            attributes: OnceCell::new(),
            class,
        };
        facts.look_at_classes();
        facts
    }

    /// Finds what classes written in Python make of their C base.
    fn look_at_classes(&mut self) {
        if self.items == Items::Tuple {
            // Structures such as `os.stat_result` are written in C, named tuples in Python; both list their fields.
            if let Some(fields) = self.order.iter().find_map(|class| {
                let dict = class_dict(class)?;
                find(&dict, "_fields")
                    .or_else(|| find(&dict, "n_sequence_fields").and_then(|_| find(&dict, "__match_args__")))
            }) && is_exactly(&fields, &raw mut ffi::PyTuple_Type)
                && (1..=CLASS_ATTRIBUTES).contains(&tuple_size(&fields))
            {
                self.fields = tuple_items(&fields).filter(is_text).map(|it| text(&it, NAME)).collect();
                self.kind = Kind::NamedTuple;
            }
            return;
        }
        for class in self.order.iter().filter(|it| !is_native(it)) {
            let kind = match (module_name(class).as_str(), type_name(class).as_str()) {
                ("enum", "Enum") => Kind::Enum,
                ("fractions", "Fraction") => Kind::Fraction,
                ("uuid", "UUID") => Kind::Uuid,
                ("pathlib" | "pathlib._local", "PurePath") => Kind::Path,
                _ => continue,
            };
            self.kind = kind;
            return;
        }
        if self.kind == Kind::Object
            && let Some(fields) = self
                .order
                .iter()
                .filter(|it| !is_native(it))
                .find_map(|class| find(&class_dict(class)?, "__dataclass_fields__"))
            && is_dict(&fields)
        {
            self.fields = entries(&fields, 0)
                .take(CLASS_ATTRIBUTES)
                .filter(|(name, _)| is_plain_text(name))
                .map(|(name, _)| text(&name, NAME))
                .collect();
            self.kind = Kind::Dataclass;
        }
    }

    /// Name with its module, as a user would import it.
    pub(super) fn full_name(&self) -> String {
        match self.module.as_str() {
            "" | "builtins" | "__main__" => self.qualified.clone(),
            module => format!("{module}.{}", self.qualified),
        }
    }

    /// The classes in the order of look-up.
    pub(super) fn order(&self) -> &[Any<'py>] {
        &self.order
    }

    /// Whether the type is written in C, and so has no attributes but those that C gives it.
    pub(super) fn is_native(&self) -> bool {
        is_native(&self.class)
    }

    /// Whether instances are plain data, whose C getters say nothing that is not shown already.
    fn is_plain(&self) -> bool {
        use Kind::{
            Builtin, Class, Code, Exception, Frame, Function, Generator, Method, Module, NdArray, Object, Pattern,
            Range, Slice, Traceback,
        };
        !matches!(
            self.kind,
            Builtin
                | Class
                | Code
                | Exception
                | Frame
                | Function
                | Generator
                | Method
                | Module
                | NdArray
                | Object
                | Pattern
                | Range
                | Slice
                | Traceback
        )
    }

    /// Reads what C code or `__slots__` gave the instances under this name.
    pub(super) fn member(&self, value: &Any<'py>, name: &str) -> Option<Any<'py>> {
        let (_, descriptor) = self.attributes().members.iter().find(|(it, _)| it == name)?;
        read_descriptor(descriptor, value)
    }

    /// Reads what a type written in C gives its instances under this name.
    pub(super) fn native(&self, value: &Any<'py>, name: &str) -> Option<Any<'py>> {
        self.order.iter().filter(|it| is_native(it)).find_map(|class| native_attribute(value, class, name))
    }

    /// What the classes say about attributes.
    pub(super) fn attributes(&self) -> &ClassAttributes<'py> {
        self.attributes.get_or_init(|| {
            let mut found = ClassAttributes::default();
            if self.kind == Kind::Class {
                return found;
            }
            for class in &self.order {
                let native = is_native(class);
                // What C gives to plain data is shown already; containers may have settings: `default_factory`.
                let plain = native && self.is_plain();
                if plain && !matches!(self.items, Items::Dict | Items::List | Items::Sequence) {
                    continue;
                }
                let Some(dict) = class_dict(class) else { continue };
                for (key, value) in entries(&dict, 0).take(CLASS_ATTRIBUTES) {
                    if is_text(&key) && !(plain && is_exactly(&value, &raw mut ffi::PyGetSetDescr_Type)) {
                        found.add(text(&key, NAME), value, native, self.kind);
                    }
                }
            }
            found
        })
    }
}

impl<'py> ClassAttributes<'py> {
    fn add(&mut self, name: String, value: Any<'py>, native: bool, kind: Kind) {
        let special = is_special(&name);
        if is_exactly(&value, &raw mut ffi::PyMemberDescr_Type) {
            if !special && !self.has(&name) {
                if super::native::is_audited(&value) { self.lazy.push(name) } else { self.members.push((name, value)) }
            }
        } else if is_exactly(&value, &raw mut ffi::PyGetSetDescr_Type) {
            let wanted = if kind == Kind::Exception { EXCEPTION_GETTERS.contains(&name.as_str()) } else { !special };
            if wanted && !self.has(&name) {
                // The getters of exceptions only read a field.
                if native && kind == Kind::Exception { self.members.push((name, value)) } else { self.lazy.push(name) }
            }
        } else if is_property(&value) {
            if !special && !self.has(&name) {
                self.lazy.push(name);
            }
        } else if !native && !special {
            self.has_own = true;
        }
    }

    fn has(&self, name: &str) -> bool {
        self.lazy.iter().any(|it| it == name) || self.members.iter().any(|(it, _)| it == name)
    }
}

/// What an exception tells of itself.
const EXCEPTION_GETTERS: [&str; 4] = ["args", "__cause__", "__context__", "__traceback__"];

/// Whether a class attribute is computed by Python code when it is read from an instance.
pub(super) fn is_property(value: &Any<'_>) -> bool {
    is_a(value, &raw mut ffi::PyProperty_Type) || {
        let class = class_of(value);
        type_name(&class) == "cached_property" && module_name(&class) == "functools"
    }
}

/// Whether a name is reserved for the language: `__init__`.
pub(super) fn is_special(name: &str) -> bool {
    name.len() > 4 && name.starts_with("__") && name.ends_with("__")
}

/// The name of a type, as C code stored it.
pub(super) fn type_name(class: &Any<'_>) -> String {
    // SAFETY: `class` is a live type; the function reads a field.
    let name = unsafe { take(class.py(), ffi::PyType_GetName(class.as_ptr().cast())) };
    name.map(|it| text(&it, NAME)).unwrap_or_default()
}

/// Its qualified name.
pub(super) fn qualified_name(class: &Any<'_>) -> String {
    // SAFETY: as above.
    let name = unsafe { take(class.py(), ffi::PyType_GetQualName(class.as_ptr().cast())) };
    name.map(|it| text(&it, NAME)).unwrap_or_default()
}

/// Its module; empty if it has none.
pub(super) fn module_name(class: &Any<'_>) -> String {
    if flags(class) & ffi::Py_TPFLAGS_HEAPTYPE == 0 {
        return native_module(class);
    }
    class_dict(class).and_then(|dict| find(&dict, "__module__")).map(|it| text(&it, NAME)).unwrap_or_default()
}

fn by_layout<'py>(class: &Any<'py>, base: &Any<'py>) -> (Items, Kind) {
    let flags = flags(class);
    for (flag, items, kind) in [
        (ffi::Py_TPFLAGS_LIST_SUBCLASS, Items::List, Kind::List),
        (ffi::Py_TPFLAGS_TUPLE_SUBCLASS, Items::Tuple, Kind::Tuple),
        (ffi::Py_TPFLAGS_DICT_SUBCLASS, Items::Dict, Kind::Dict),
        (ffi::Py_TPFLAGS_UNICODE_SUBCLASS, Items::None, Kind::Text),
        (ffi::Py_TPFLAGS_BYTES_SUBCLASS, Items::None, Kind::Bytes),
        (ffi::Py_TPFLAGS_BASE_EXC_SUBCLASS, Items::None, Kind::Exception),
        (ffi::Py_TPFLAGS_TYPE_SUBCLASS, Items::None, Kind::Class),
    ] {
        if flags & flag != 0 {
            return (items, kind);
        }
    }
    if flags & ffi::Py_TPFLAGS_LONG_SUBCLASS != 0 {
        let is_bool = class.as_ptr() == (&raw mut ffi::PyBool_Type).cast();
        return (Items::None, if is_bool { Kind::Bool } else { Kind::Int });
    }
    // Only the type that C code made can carry these names: see `is_native`.
    let base_name = type_name(base);
    match (module_name(base).as_str(), base_name.as_str()) {
        ("builtins", name) => builtin(name),
        ("collections", "deque") => (Items::Sequence, Kind::Deque),
        ("array", "array") => (Items::Sequence, Kind::Array),
        ("datetime", "datetime") => (Items::None, Kind::DateTime),
        ("datetime", "date") => (Items::None, Kind::Date),
        ("datetime", "time") => (Items::None, Kind::Time),
        ("datetime", "timedelta") => (Items::None, Kind::TimeDelta),
        ("datetime", "timezone") => (Items::None, Kind::TimeZone),
        ("decimal", "Decimal") => (Items::None, Kind::Decimal),
        ("re", "Pattern") => (Items::None, Kind::Pattern),
        ("numpy", "ndarray") => (Items::None, Kind::NdArray),
        _ => by_number(class),
    }
}

/// NumPy's `float64` and its like are laid out as the builtin number that they derive from.
fn by_number(class: &Any<'_>) -> (Items, Kind) {
    for (number, kind) in [(&raw mut ffi::PyFloat_Type, Kind::Float), (&raw mut ffi::PyComplex_Type, Kind::Complex)] {
        // SAFETY: both are live types; the function walks the order of bases.
        if unsafe { ffi::PyType_IsSubtype(class.as_ptr().cast(), number) != 0 } {
            return (Items::None, kind);
        }
    }
    (Items::None, Kind::Object)
}

fn builtin(name: &str) -> (Items, Kind) {
    let kind = match name {
        "set" | "frozenset" => return (Items::Set, Kind::Set),
        "frozendict" => return (Items::Dict, Kind::Dict),
        "NoneType" => Kind::None,
        "ellipsis" | "NotImplementedType" => Kind::Single,
        "float" => Kind::Float,
        "complex" => Kind::Complex,
        "bytearray" => Kind::ByteArray,
        "memoryview" => Kind::MemoryView,
        "range" => Kind::Range,
        "slice" => Kind::Slice,
        "module" => Kind::Module,
        "function" => Kind::Function,
        "method" => Kind::Method,
        "builtin_function_or_method"
        | "method_descriptor"
        | "classmethod_descriptor"
        | "wrapper_descriptor"
        | "method-wrapper"
        | "getset_descriptor"
        | "member_descriptor" => Kind::Builtin,
        "code" => Kind::Code,
        "frame" => Kind::Frame,
        "traceback" => Kind::Traceback,
        "generator" | "coroutine" | "async_generator" => Kind::Generator,
        "cell" => Kind::Cell,
        "mappingproxy" => Kind::MappingProxy,
        _ => Kind::Object,
    };
    (Items::None, kind)
}
