// Answers named queries in DuckDB-WASM, the engine of the site's pages, without a browser:
//   node wasm.cjs FOLDER
// FOLDER/tables.json names Arrow streams by table, FOLDER/questions.json has lists of statements by name; the last
// statement's answer goes to FOLDER/NAME.arrow, an error's words to FOLDER/errors.json.
const { readFileSync, writeFileSync } = require("node:fs");
const path = require("node:path");
const duckdb = require("@duckdb/duckdb-wasm/dist/duckdb-node-blocking.cjs");
const { tableToIPC } = require("apache-arrow");

const ENGINES = path.dirname(require.resolve("@duckdb/duckdb-wasm/dist/duckdb-eh.wasm"));
const BUNDLES = { mvp: { mainModule: path.join(ENGINES, "duckdb-mvp.wasm") }, eh: { mainModule: path.join(ENGINES, "duckdb-eh.wasm") } };

async function main(folder) {
  const database = await duckdb.createDuckDB(BUNDLES, new duckdb.VoidLogger(), duckdb.NODE_RUNTIME);
  await database.instantiate(() => {});
  database.open({ query: { castDecimalToDouble: true } }); // as dashboard/duckdb.js has it
  const connection = database.connect();
  for (const name of ["autoinstall_known_extensions", "autoload_known_extensions", "enable_external_access"]) {
    connection.query(`SET ${name} = false`);
  }
  connection.query("SET lock_configuration = true");
  const read = (name) => JSON.parse(readFileSync(path.join(folder, name), "utf8"));
  for (const [name, file] of Object.entries(read("tables.json"))) {
    connection.insertArrowFromIPCStream(new Uint8Array(readFileSync(path.join(folder, file))), { name, create: true });
  }
  const errors = {};
  for (const [name, statements] of Object.entries(read("questions.json"))) {
    try {
      const answers = statements.map((statement) => connection.query(statement));
      writeFileSync(path.join(folder, `${name}.arrow`), tableToIPC(answers.at(-1), "stream"));
    } catch (error) {
      errors[name] = error.message;
    }
  }
  writeFileSync(path.join(folder, "errors.json"), JSON.stringify(errors));
}

main(process.argv[2]).catch((error) => {
  console.error(error);
  process.exit(1);
});
