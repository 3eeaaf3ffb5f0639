/**
 * Words that name the two sides, as column names and as labels of turns have them. Invariant: all are folded (`plainName`),
 * and a word stands for one side only.
 */

/** Without case, accents, surrounding space, marks at the ends; "_", "-" and camelCase are a blank. */
export function plainName(name: string): string {
  return name
    .replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

export function words(text: string): string[] {
  return text.split(/\s+/).map(plainName);
}

/** What is asked. English and French first: the first name that a header holds wins, and the error message shows these. */
export const questionWords = {
  shown: words(
    "instruction instructions question questions prompt prompts query queries demande demandes requête requêtes consigne consignes interrogation énoncé",
  ),
  /** German, Spanish, Italian, Portuguese, Dutch, Polish, Russian, Chinese, Japanese, Korean. */
  further: words(
    "frage fragen anfrage anfragen pregunta preguntas consulta consultas domanda domande quesito quesiti pergunta perguntas vraag vragen pytanie вопрос 问题 問題 质问 質問 질문",
  ),
};

/** What is answered. */
export const answerWords = {
  shown: words("response responses réponse réponses answer answers completion completions reply replies"),
  further: words(
    "antwort antworten respuesta respuestas risposta risposte resposta respostas antwoord antwoorden odpowiedź ответ 答案 回答 答复 답변 대답",
  ),
};
