// Runs one script of a page, without the page, beside the page's data, and prints a value as JSON:
//
//     node page_script.mjs SCRIPT.js PAGE.html EXPRESSION.txt
import {readFileSync} from "node:fs";
import {runInNewContext} from "node:vm";

const [script, page, expression] = process.argv.slice(2).map(path => readFileSync(path, "utf8"));
const data = JSON.parse(page.match(/<script type="application\/json" id="data">(.*?)<\/script>/s)[1]);
const value = runInNewContext(`${script}\n(${expression});`, {data});
// JSON would make null of what is not finite.
console.log(JSON.stringify(value, (_, x) => typeof x === "number" && !Number.isFinite(x) ? String(x) : x));
