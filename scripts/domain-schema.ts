/** Writes data/domains/domain.schema.json, which gives editors completion and checks in domain files. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { domainFolder } from "../sdk/chat/domain/domain.ts";
import { domainJsonSchema } from "../sdk/chat/domain/domainSchema.ts";

const file = join(domainFolder(), "domain.schema.json");
writeFileSync(file, `${JSON.stringify(domainJsonSchema(), null, 2)}\n`);
console.log(file);
