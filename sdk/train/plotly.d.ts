/** The part of plotly that the report uses; the package has no types of its own. */
declare module "plotly.js-basic-dist-min" {
  const Plotly: {
    react(element: object, traces: object[], layout: object, config: object): Promise<unknown>;
  };
  export default Plotly;
}
