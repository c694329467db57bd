// DuckDB's Arrow results as columns and plain text for a table.

/** {columns, rows, total}: at most `limit` rows, cells as text or null. */
export function arrowRows(result, limit) {
  const columns = result.schema.fields.map((field, index) => ({
    key: String(index), // names may repeat in a result
    label: field.name,
    kind: isNumber(field.type) ? "number" : "text",
  }));
  const total = result.numRows;
  const rows = [];
  for (let at = 0; at < Math.min(total, limit); at += 1) {
    rows.push(Object.fromEntries(result.schema.fields.map((field, index) =>
      [String(index), plain(result.getChildAt(index).get(at), field.type)])));
  }
  return { columns, rows, total };
}

// Arrow's type ids: Int 2, Float 3, Decimal 7, Date 8, Timestamp 10.
function isNumber(type) {
  return [2, 3, 7].includes(type.typeId);
}

function plain(value, type) {
  if (value == null) return null;
  if (type.typeId === 8) return new Date(Number(value)).toISOString().slice(0, 10);
  if (type.typeId === 10) return new Date(Number(value)).toISOString().replace("T", " ");
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (typeof value === "number" || typeof value === "string") return value;
  return typeof value === "boolean" ? String(value) : JSON.stringify(value, big);
}

function big(_, value) {
  return typeof value === "bigint" ? Number(value) : value;
}

/** At most six significant digits for people; whole numbers stay whole. */
export function shownNumber(value) {
  if (typeof value !== "number" || Number.isInteger(value)) return String(value);
  return String(Number(value.toPrecision(6)));
}
