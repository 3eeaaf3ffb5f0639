/** Finds the columns of question and answer in a header. */

/** Column names, as they stand in the file or as they are asked for. */
export interface ColumnNames {
  instruction: string;
  response: string;
}

// In French and English; the first name that a header holds wins, so the particular ones stand before the vague.
const instructionNames =
  "instruction instructions question questions prompt demande requete user utilisateur human input entree".split(
    " ",
  );
const responseNames =
  "response responses reponse reponses answer answers completion assistant output sortie".split(" ");

/** Case, accents, surrounding space, and "_" or "-" for a space make no other name. */
function plain(name: string): string {
  return name
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[_\-\s]+/g, " ")
    .trim();
}

/**
 * @param header the names in the file
 * @param wanted names asked for; without it the usual French and English ones are tried
 * @returns the places of both columns, or undefined when one is not there or both are the same
 */
export function findColumns(
  header: readonly string[],
  wanted?: Partial<ColumnNames>,
): { instruction: number; response: number } | undefined {
  const names = header.map(plain);
  const find = (name: string | undefined, usual: readonly string[]) => {
    const candidates = name === undefined ? usual : [plain(name)];
    const found = candidates.find((candidate) => names.includes(candidate));
    return found === undefined ? -1 : names.indexOf(found);
  };
  const instruction = find(wanted?.instruction, instructionNames);
  const response = find(wanted?.response, responseNames);
  if (instruction < 0 || response < 0 || instruction === response) return undefined;
  return { instruction, response };
}

/** For the error message: what would have been found. */
export function describeColumns(wanted?: Partial<ColumnNames>): string {
  const list = (name: string | undefined, usual: readonly string[]) =>
    name === undefined ? `one of ${usual.join(", ")}` : `"${name}"`;
  return `for the instruction ${list(wanted?.instruction, instructionNames)}; for the response ${list(wanted?.response, responseNames)}`;
}

/** Header names made usable as keys: a nameless column is "column 3", a repeated name gets its place too. */
export function uniqueNames(header: readonly string[]): string[] {
  return header.map((name, i) =>
    name === "" ? `column ${i + 1}` : header.indexOf(name) < i ? `${name} (column ${i + 1})` : name,
  );
}
