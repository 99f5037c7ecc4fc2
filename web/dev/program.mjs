// The recorded program of the development hub: its files, frames and values at each line.

export const WORKSPACE = "/home/ada/shop";
export const REPORTS = `${WORKSPACE}/app/reports.py`;
export const AUTH = `${WORKSPACE}/app/auth.py`;

const reports = `"""Monthly reports."""
import logging

import pandas as pd
from flask import Blueprint, current_app, jsonify, request

from .auth import login_required
from .models import load_orders
from .rates import fetch_rates

bp = Blueprint("reports", __name__)
log = logging.getLogger(__name__)


class MissingRate(LookupError):
    def __init__(self, currency):
        super().__init__(f"no exchange rate for {currency!r}")
        self.currency = currency


@bp.get("/reports/monthly")
@login_required
def monthly():
    """Net revenue per month for one region, newest first."""
    region = request.args.get("region", "EU")
    orders = load_orders(current_app.config["DATA"], region)
    orders = orders[orders["status"] != "cancelled"]

    rates = fetch_rates(orders["currency"].unique())
    try:
        fx = orders["currency"].map(rates.__getitem__)
    except KeyError as err:
        raise MissingRate(err.args[0]) from err
    orders["net"] = orders["gross"] * fx

    rows = []
    for month, group in orders.groupby("month"):
        net = group["net"].sum()
        if net < current_app.config["MIN_NET"]:
            log.info("skip %s: %.2f", month, net)
            continue
        share = net / orders["net"].sum()
        rows.append(summarise(month, group, share))

    # newest first, with growth against the month before
    table = pd.DataFrame(rows).set_index("month").sort_index()
    table["growth"] = table["net"].pct_change()
    return jsonify(table[::-1].to_dict("index"))


def summarise(month, group, share):
    return {"month": month, "net": group["net"].sum(), "share": share, "count": len(group)}
`;

const auth = `from functools import wraps

from flask import g, redirect, url_for


def login_required(view):
    @wraps(view)
    def wrapper(*args, **kwargs):
        if g.user is None:
            return redirect(url_for("auth.login"))
        return view(*args, **kwargs)

    return wrapper
`;

const long = Array.from({ length: 400 }, (_, i) => `value_${i} = ${i} * 2`).join("\n");

export const FILES = {
  [REPORTS]: reports,
  [AUTH]: auth,
  [`${WORKSPACE}/app/__init__.py`]: "",
  [`${WORKSPACE}/app/models.py`]: "def load_orders(source, region):\n    return source.read(region)\n",
  [`${WORKSPACE}/app/rates.py`]: "def fetch_rates(currencies):\n    return {c: 1.0 for c in currencies}\n",
  [`${WORKSPACE}/data/orders.csv`]: "id,gross\n1,2\n",
  [`${WORKSPACE}/tests/conftest.py`]: "",
  [`${WORKSPACE}/tests/test_reports.py`]: "def test_it():\n    assert True\n",
  [`${WORKSPACE}/long.py`]: long,
  [`${WORKSPACE}/pyproject.toml`]: '[project]\nname = "shop"\n',
  [`${WORKSPACE}/README.md`]: "# shop\n",
};

const LIBRARY = "/usr/lib/python3.13/site-packages";

const library = (id, name, file, module, line) => ({
  id,
  name,
  line,
  column: 1,
  moduleId: module,
  presentationHint: "subtle",
  source: { name: file.split("/").at(-1), path: `${LIBRARY}/${file}`, presentationHint: "deemphasize" },
});

export function frames(line) {
  return [
    {
      id: 1,
      name: "monthly",
      line,
      column: line === 33 ? 9 : 9,
      source: { name: "reports.py", path: REPORTS },
      moduleId: "app.reports",
    },
    {
      id: 2,
      name: "login_required.<locals>.wrapper",
      line: 11,
      column: 16,
      source: { name: "auth.py", path: AUTH },
      moduleId: "app.auth",
    },
    library(3, "Flask.dispatch_request", "flask/app.py", "flask.app", 902),
    library(4, "Flask.full_dispatch_request", "flask/app.py", "flask.app", 880),
    library(5, "Flask.wsgi_app", "flask/app.py", "flask.app", 1511),
    library(6, "WSGIRequestHandler.run_wsgi", "werkzeug/serving.py", "werkzeug.serving", 331),
    library(7, "Thread.run", "threading.py", "threading", 992),
  ];
}

export const THREADS = [
  { id: 1, name: "MainThread" },
  { id: 2, name: "Thread-4 (process_request)" },
  { id: 3, name: "rates-refresh" },
];

const variable = (name, value, type, more = {}) => ({
  name,
  value,
  type,
  variablesReference: 0,
  evaluateName: name,
  ...more,
});

/** The locals at a line; `round` counts how often the loop went round. */
export function locals(line, round) {
  const months = ["2025-01", "2025-02", "2025-03", "2025-04"];
  const nets = [41790.0, 39870.15, 48213.7, 51002.9];
  const list = [
    variable("region", "'EU'", "str"),
    variable("orders", "DataFrame 18,342 × 8", "DataFrame", { variablesReference: 40, namedVariables: 8 }),
    variable("rates", "dict, 3 items", "dict", { variablesReference: 41, namedVariables: 3 }),
    variable("fx", "Series 18,342 float64", "Series", { variablesReference: 42, indexedVariables: 18342 }),
    variable("rows", `list, ${round} items`, "list", { variablesReference: 43, indexedVariables: round }),
    variable("month", `'${months[round] ?? months[0]}'`, "str"),
    variable("group", `DataFrame 1,20${round} × 8`, "DataFrame", { variablesReference: 44, namedVariables: 8 }),
    variable("net", String(nets[round] ?? 0), "float64"),
    variable("currency", "property of MissingRate", "", { presentationHint: { lazy: true }, variablesReference: 45 }),
    variable("ids", "list, 500 items", "list", { variablesReference: 46, indexedVariables: 500 }),
  ];
  return line < 37 ? list.slice(0, 4) : list;
}

export function children(reference, start, count) {
  if (reference === 41) {
    return [
      variable("'EUR'", "1.0", "float"),
      variable("'USD'", "0.9214", "float"),
      variable("'GBP'", "1.1712", "float"),
    ];
  }
  if (reference === 45) return [variable("", "'JPY'", "str")];
  if (reference === 43)
    return [0, 1].map((i) =>
      variable(String(i), `{'month': '2025-0${i + 1}', 'net': 41790.0}`, "dict", { variablesReference: 47 }),
    );
  if (reference === 42 || reference === 46) {
    return Array.from({ length: count || 100 }, (_, i) => variable(String(start + i), String((start + i) * 7), "int"));
  }
  return [variable("'month'", "'2025-01'", "str"), variable("'net'", "41790.0", "float")];
}

export const GLOBALS = Array.from({ length: 34 }, (_, i) => variable(`name_${i}`, `<module 'thing${i}'>`, "module"));

export const EXCEPTION = {
  exceptionId: "app.reports.MissingRate",
  description: "no exchange rate for 'JPY'",
  breakMode: "unhandled",
  details: {
    typeName: "MissingRate",
    message: "no exchange rate for 'JPY'",
    stackTrace:
      "Traceback (most recent call last):\n  File \"reports.py\", line 33, in monthly\nMissingRate: no exchange rate for 'JPY'\n",
    ikpdbRaisedAt: { path: REPORTS, line: 33, function: "monthly" },
    innerException: [
      {
        typeName: "KeyError",
        message: "'JPY'",
        ikpdbRelation: "cause",
        ikpdbRaisedAt: { path: REPORTS, line: 31, function: "monthly" },
      },
    ],
  },
};
