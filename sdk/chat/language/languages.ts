/** The languages that a domain can be written in. */
import { english } from "./english.ts";
import { french } from "./french.ts";
import type { Language } from "./language.ts";

export const languages: Record<Language["code"], Language> = { fr: french, en: english };
